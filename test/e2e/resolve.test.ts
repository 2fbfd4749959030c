import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { stanzaText } from '../apt/samples.ts';
import { refusal } from '../refusal.ts';
import { essential, namesOf, resolvedImage, suite } from './resolved-image.ts';

describe('resolving from an archive that is in order', function () {
  this.timeout(60_000);
  const image = resolvedImage();

  it('takes the essential packages, the image’s own and what they depend on, newest first, without recommendations', async () => {
    expect(namesOf(await image.resolve())).to.deep.equal(['base 1', 'libc 2.0-1', 'tool 1.0', 'usr-is-merged 37']);
  });

  it('gives each stanza byte for byte as the index has it', async () => {
    const { text } = await image.resolve();
    const published = [essential, suite[1]!, suite[3]!, suite[5]!];
    expect(text.replace(/^#.*\n/gm, '')).to.equal(published.map((stanza) => `${stanza}\n`).join(''));
  });

  it('holds a pinned package back', async () => {
    const pins = [{ package: 'libc', version: '1.*', reason: 'because', expires: null }];
    expect(namesOf(await image.resolve({ pins }))).to.include('libc 1.0-1');
  });

  it('takes the stanza of the suite that the deb comes from when two suites publish the same deb', async () => {
    const [a, b] = ['pool/updates/main/l/libc_3.deb', 'pool/main/l/libc_3.deb'].map((Filename) =>
      stanzaText('libc', '3', { Filename }),
    ) as [string, string];
    await image.archive.publish('stable-security', { packages: [a], area: 'debian-security' });
    await image.archive.publish('stable', { packages: [...suite, b] });
    for (const suites of [
      ['stable', 'stable-security'],
      ['stable-security', 'stable'],
    ]) {
      const found = (await image.resolve({ suites })).packages.find((entry) => entry.package === 'libc');
      const origin = suites[0] === 'stable' ? 'pool/main/l/libc_3.deb' : 'pool/updates/main/l/libc_3.deb';
      expect(found?.filename, suites.join(' ')).to.equal(origin);
    }
  });

  it('sees what was published since the last time', async () => {
    await image.resolve();
    await image.archive.publish('stable', { packages: [...suite, stanzaText('libc', '2.0-2')], date: new Date() });
    expect(namesOf(await image.resolve())).to.include('libc 2.0-2');
  });

  it('sends apt through the proxy that the toolbox’s apt has', async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(request.url ?? '');
      void image.archive.server.answer(request, response);
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
    image.configureApt(`Acquire::http::Proxy "http://127.0.0.1:${(proxy.address() as AddressInfo).port}";\n`);
    try {
      expect(namesOf(await image.resolve({ mirror: 'http://archive.invalid/debian' }))).to.include('tool 1.0');
      expect(seen[0]).to.equal('http://archive.invalid/debian/dists/stable/InRelease');
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('says that a disk is full, when it is', async () => {
    await image.toolbox.run(['mkdir', '-p', path.join(image.dir, '.lockstep')]);
    const mount = ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path.join(image.dir, '.lockstep')];
    await image.archive.publish('stable', {
      packages: [...suite, ...Array.from({ length: 2000 }, (_, n) => stanzaText(`p${n}`))],
    });
    await image.toolbox.run(mount);
    try {
      expect((await refusal(image.resolve(), 'E_DISK_FULL')).message).to.contain('No space left');
    } finally {
      await image.toolbox.run(['umount', path.join(image.dir, '.lockstep')]);
    }
  });

  it('names the keyring that is missing', async () => {
    const keyring = '/nonexistent/keyring.gpg';
    expect((await refusal(image.resolve({}, { keyring }), 'E_TOOLBOX_TOOL')).message).to.contain(keyring);
  });

  it('stops at once when interrupted', async () => {
    const stop = new AbortController();
    const held = createServer(() => stop.abort());
    await new Promise<void>((listening) => held.listen(0, '127.0.0.1', listening));
    const mirror = `http://127.0.0.1:${(held.address() as AddressInfo).port}/debian`;
    await image.toolbox.close();
    await image.openToolbox(stop.signal);
    try {
      expect((await refusal(image.resolve({ mirror }), 'E_INTERRUPTED')).message).to.contain('interrupted');
    } finally {
      held.closeAllConnections();
      held.close();
    }
  });

  it('keeps the private root free of this machine’s sources and trust', async () => {
    await image.resolve();
    const config = await readFile(path.join(image.dir, '.lockstep/apt/panel/apt.conf'), 'utf8');
    const { stdout } = await image.toolbox.run(['apt-config', 'dump'], {
      env: { APT_CONFIG: path.join(image.dir, '.lockstep/apt/panel/apt.conf') },
    });
    expect(config).to.contain('Dir::Etc::parts "/dev/null"');
    expect(stdout)
      .to.contain('APT::Architecture "armhf"')
      .and.not.to.match(/\/etc\/apt|DPkg::Post-Invoke/);
  });
});
