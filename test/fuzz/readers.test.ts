import { expect } from 'chai';
import { execa } from 'execa';
import { inputsOf } from '../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { formatProvenance } from '../../src/apt/provenance/provenance-file.ts';
import { startingPoint } from '../../src/commands/init.ts';
import { imageConfig, locked, stanzaText } from '../apt/samples.ts';
import { makeDeb } from '../deb/debs.ts';
import { tarOf } from '../deb/tars.ts';
import { sampleProvenance } from '../sbom/sample-bill.ts';
import { FuzzThread } from './fuzz.ts';

const long = 'Description: sample\n of some lines\n .\n with a last one\n';
const relations = 'libc6 (>= 2.36), libssl3:any (>= 3.0.0~), debconf (>= 0.5) | debconf-2.0, base (<< 1:2.3-1+b1), awk';
const stanza = stanzaText('dash', '0.5.12-2', { Depends: relations, Provides: 'sh (= 1.0), posix-shell' });

describe('mutated inputs', function () {
  this.timeout(120_000);
  const thread = new FuzzThread();
  after(() => thread.close());

  const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));

  it('of deb822 are read, or refused with their line', async () => {
    const { accepted } = await thread.feed('deb822', bytes(`${stanza}${long}`, `# comment\n${stanza}\n\n${stanza}`));
    expect(accepted).to.be.within(1000, 9000);
  });

  it('of relation fields are read', async () => {
    expect((await thread.feed('relations', bytes(relations, 'a'))).accepted).to.equal(10_000);
  });

  it('of changelogs are read', async () => {
    const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100';
    const entry = (version: string) =>
      `hello (${version}) unstable; urgency=low\n\n  * CVE-2025-0001 @x #1\n    (Closes: #1, #2)\n\n${trailer}\n\n`;
    expect((await thread.feed('changelog', bytes(`${entry('1.2-1')}${entry('1.0-1')}`))).accepted).to.equal(10_000);
  });

  it('of lockfiles are read, or refused with their line', async () => {
    const packages = [locked('dash', '0.5.12-2', { Depends: relations }), locked('zsh', '5.9-4', { Essential: 'yes' })];
    const image = imageConfig({ packages: ['dash', 'zsh'], debs: ['dist/*.deb'] });
    const text = formatLockfile(inputsOf(image), packages);
    const { accepted } = await thread.feed('lockfile', bytes(text, text.replace(/^#.*\n/gm, '')));
    expect(accepted).to.be.within(1000, 9000);
  });

  it('of lockstep.yml are read, or refused with their line', async () => {
    const whole = startingPoint.replace(/^ *# (.*: .*)$/gm, '$1');
    const small = 'images:\n  panel: {arch: armhf, suites: [bookworm], packages: [dash]}\n  b: {extends: panel}\n';
    await thread.feed('lockstep.yml', bytes(small, small, startingPoint, whole), {
      count: 1_000,
      sizeLimit: 16 * 1024,
    });
  });

  it('of records of where packages come from are read, or refused with their line', async () => {
    const { accepted } = await thread.feed('provenance', bytes(formatProvenance(sampleProvenance())));
    expect(accepted).to.be.within(1000, 9000);
  });

  it('of what init reads are read, or refused', async () => {
    const general = '[General]\narch=armhf\nbootstrap=A B\nnoauth=true\n';
    const section =
      '[A]\npackages=dash g++=1.* vim-\nsource=http://x/debian\nsuite=bookworm\n[B]\nkeyring=k\nsuite=s\n';
    expect((await thread.feed('multistrap.conf', bytes(general + section))).accepted).to.be.within(1000, 9900);
    const list = 'dash g++=1.* vim- # x\nlibc6:armhf\thold\nii  zsh 5 armhf shell\n';
    expect((await thread.feed('package list', bytes(list))).accepted).to.equal(10_000);
    const line = 'deb [arch=armhf signed-by=/k.gpg] http://x/debian bookworm main contrib # c\n';
    const entry = 'Types: deb\nURIs: http://x http://y\nSuites: bookworm\nSigned-By:\n -----BEGIN\n .\n';
    expect((await thread.feed('apt sources', bytes(line, entry))).accepted).to.equal(10_000);
  });

  it('of ar archives are read, or refused', async () => {
    const { bytes: deb } = await makeDeb({ compression: 'none' });
    expect((await thread.feed('ar', [deb])).accepted).to.be.within(1000, 9900);
  });

  it('of control.tar are read, or refused', async () => {
    const { file } = await makeDeb({
      control: { postinst: '#!/bin/sh\n', conffiles: '/etc/x\n' },
      files: { 'etc/x': '' },
    });
    const { stdout } = await execa('dpkg-deb', ['--ctrl-tarfile', file], { encoding: 'buffer' });
    await thread.feed('control.tar', [Buffer.from(stdout)]);
  });

  it('of data.tar are read, or refused, and nothing lies outside', async () => {
    const link = { type: 'symlink', linkname: '../usr/x' } as const;
    const pax = { 'SCHILY.xattr.user.a': 'one', size: '7' };
    const tars = [
      await tarOf(
        { name: './', type: 'directory' },
        { name: './usr/x' },
        { name: './bin/y', ...link },
        { name: './z', pax },
      ),
      await tarOf(
        { name: `./usr/${'n'.repeat(120)}` },
        { name: './h', type: 'link', linkname: `./usr/${'n'.repeat(120)}` },
      ),
    ];
    await thread.feed('data.tar', tars);
  });

  it('of whole debs are read, or refused', async () => {
    const debs = [await makeDeb({ compression: 'none' }), await makeDeb({ compression: 'gzip' })];
    await thread.feed(
      'deb',
      debs.map((deb) => deb.bytes),
    );
  });
});
