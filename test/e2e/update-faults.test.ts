import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Resolution, resolveImage } from '../../src/apt/resolve.ts';
import type { ImageConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { type ErrorCode, LockstepError } from '../../src/errors/index.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { imageConfig, stanzaText } from '../apt/samples.ts';

const hour = 3600_000;
const essential = stanzaText('base', '1', { Essential: 'yes', Depends: 'libc (>= 1)' });
const suite = [
  essential,
  stanzaText('libc', '2.0-1'),
  stanzaText('libc', '1.0-1'),
  stanzaText('tool', '1.0', { Depends: 'libc, usrmerge | usr-is-merged', Recommends: 'extra' }),
  stanzaText('usrmerge', '37', { Architecture: 'all' }),
  stanzaText('usr-is-merged', '37', { Architecture: 'all' }),
  stanzaText('extra'),
  stanzaText('rival', '1', { Conflicts: 'tool' }),
  stanzaText('needy', '1', { Depends: 'libc (>= 9)' }),
  stanzaText('mta-a', '1', { Provides: 'mta' }),
  stanzaText('mta-b', '1', { Provides: 'mta' }),
];

describe('resolving from an archive', function () {
  this.timeout(60_000);
  let archive: LoopbackArchive;
  let dir: string;
  let toolbox: Toolbox;

  before(async () => {
    archive = await LoopbackArchive.open();
  });
  after(() => archive.close());

  beforeEach(async () => {
    await archive.clear();
    await archive.publish('stable', { packages: suite });
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep resolve-'));
    toolbox = judgingDates(await openHostToolbox(hostOptions(dir)));
  });
  afterEach(async () => {
    await toolbox.close();
    await rm(dir, { recursive: true, force: true });
  });

  const resolve = (changes: Partial<ImageConfig> = {}): Promise<Resolution> =>
    resolveImage(imageConfig({ mirror: archive.url, suites: ['stable'], packages: ['tool'], ...changes }), {
      toolbox,
      workspace: workspaceOf(dir),
      keyring: archive.keyring,
    });
  const names = ({ packages }: Resolution) => packages.map((entry) => `${entry.package} ${entry.version}`).sort();

  describe('that is in order', () => {
    it('takes the essential packages, the image’s own and what they depend on, newest first, without recommendations', async () => {
      expect(names(await resolve())).to.deep.equal(['base 1', 'libc 2.0-1', 'tool 1.0', 'usr-is-merged 37']);
    });

    it('gives each stanza byte for byte as the index has it', async () => {
      const { text } = await resolve();
      const published = [essential, suite[1]!, suite[3]!, suite[5]!];
      expect(text.replace(/^#.*\n/gm, '')).to.equal(published.map((stanza) => `${stanza}\n`).join(''));
    });

    it('holds a pinned package back', async () => {
      const pins = [{ package: 'libc', version: '1.*', reason: 'because', expires: null }];
      expect(names(await resolve({ pins }))).to.include('libc 1.0-1');
    });

    it('takes the stanza of the suite that the deb comes from when two suites publish the same deb', async () => {
      const [a, b] = ['pool/updates/main/l/libc_3.deb', 'pool/main/l/libc_3.deb'].map((Filename) =>
        stanzaText('libc', '3', { Filename }),
      ) as [string, string];
      await archive.publish('stable-security', { packages: [a], area: 'debian-security' });
      await archive.publish('stable', { packages: [...suite, b] });
      for (const suites of [
        ['stable', 'stable-security'],
        ['stable-security', 'stable'],
      ]) {
        const found = (await resolve({ suites })).packages.find((entry) => entry.package === 'libc');
        const origin = suites[0] === 'stable' ? 'pool/main/l/libc_3.deb' : 'pool/updates/main/l/libc_3.deb';
        expect(found?.filename, suites.join(' ')).to.equal(origin);
      }
    });

    it('sees what was published since the last time', async () => {
      await resolve();
      await archive.publish('stable', { packages: [...suite, stanzaText('libc', '2.0-2')], date: new Date() });
      expect(names(await resolve())).to.include('libc 2.0-2');
    });

    it('sends apt through the proxy that the toolbox’s apt has', async () => {
      const seen: string[] = [];
      const proxy = createServer((request, response) => {
        seen.push(request.url ?? '');
        void archive.server.answer(request, response);
      });
      await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
      toolbox = configured(
        toolbox,
        `Acquire::http::Proxy "http://127.0.0.1:${(proxy.address() as AddressInfo).port}";\n`,
      );
      try {
        expect(names(await resolve({ mirror: 'http://archive.invalid/debian' }))).to.include('tool 1.0');
        expect(seen[0]).to.equal('http://archive.invalid/debian/dists/stable/InRelease');
      } finally {
        proxy.closeAllConnections();
        proxy.close();
      }
    });
  });

  const faults: {
    name: string;
    code: ErrorCode;
    says: string | RegExp;
    changes?: () => Partial<ImageConfig>;
    break?: () => Promise<void> | void;
  }[] = [
    {
      name: 'does not answer',
      code: 'E_APT_UNREACHABLE',
      says: '127.0.0.1:9',
      changes: () => ({ mirror: 'http://127.0.0.1:9/debian' }),
    },
    {
      name: 'answers with errors only',
      code: 'E_APT_UNREACHABLE',
      says: 'stable',
      break: () => {
        archive.answers.set('/debian/dists/stable/InRelease', 503).set('/debian/dists/stable/Release', 503);
      },
    },
    {
      name: 'stalls in the middle of a file',
      code: 'E_APT_UNREACHABLE',
      says: 'stable/main/binary-armhf/Packages',
      break: async () => {
        const at = '/debian/dists/stable/main/binary-armhf/Packages';
        const index = await archive.read(at);
        toolbox = configured(toolbox, 'Acquire::http::Timeout "1";\n');
        archive.answers.set(at, (_, response) => {
          response.writeHead(200, { 'Content-Length': index.length });
          response.write(index.subarray(0, index.length / 2));
        });
      },
    },
    {
      name: 'has vanished from its mirror',
      code: 'E_APT_NO_SUITE',
      says: 'stable',
      break: () => archive.clear(),
    },
    {
      name: 'is signed by a key that nobody trusts',
      code: 'E_APT_SIGNATURE',
      says: 'stable InRelease',
      break: () => archive.publish('stable', { packages: suite, stranger: true }),
    },
    {
      name: 'was altered after it was signed',
      code: 'E_APT_SIGNATURE',
      says: 'stable InRelease',
      break: async () => {
        const at = '/debian/dists/stable/InRelease';
        const signed = (await archive.read(at)).toString();
        await archive.write(at, signed.replace('Origin: L', 'Origin: M'));
      },
    },
    {
      name: 'is not signed at all',
      code: 'E_APT_SIGNATURE',
      says: 'is not signed',
      break: () => archive.publish('stable', { packages: suite, signer: null }),
    },
    {
      name: 'is past its day',
      code: 'E_APT_EXPIRED',
      says: 'expired',
      break: () =>
        archive.publish('stable', { date: new Date(Date.now() - 48 * hour), validUntil: new Date(Date.now() - hour) }),
    },
    {
      name: 'has an index that is not the signed one',
      code: 'E_APT_INCONSISTENT',
      says: 'Packages',
      break: async () => {
        const at = '/debian/dists/stable/main/binary-armhf/Packages';
        await archive.write(at, `${await archive.read(at)}\n`);
      },
    },
    {
      name: 'lacks a suite',
      code: 'E_APT_NO_SUITE',
      says: 'stabel',
      changes: () => ({ suites: ['stable', 'stabel'] }),
    },
    { name: 'lacks the architecture', code: 'E_APT_NO_SUITE', says: 'arm64', changes: () => ({ arch: 'arm64' }) },
    {
      name: 'lacks a package',
      code: 'E_APT_NO_PACKAGE',
      says: 'tol (there is tool',
      changes: () => ({ packages: ['tool', 'tol'] }),
    },
    {
      name: 'has a package as a virtual one only',
      code: 'E_APT_NO_PACKAGE',
      says: /mta is a virtual package, provided by mta-., mta-./,
      changes: () => ({ packages: ['mta'] }),
    },
    {
      name: 'has no package of a name that apt would take for a pattern',
      code: 'E_APT_NO_PACKAGE',
      says: 'to.l',
      changes: () => ({ packages: ['to.l'] }),
    },
    {
      name: 'has packages that exclude each other',
      code: 'E_APT_UNSOLVABLE',
      says: 'rival : Conflicts: tool',
      changes: () => ({ packages: ['tool', 'rival'] }),
    },
    {
      name: 'lacks a dependency',
      code: 'E_APT_UNSOLVABLE',
      says: 'needy : Depends: libc (>= 9)',
      changes: () => ({ packages: ['needy'] }),
    },
    {
      name: 'lacks a version that is pinned',
      code: 'E_APT_UNSOLVABLE',
      says: 'libc 3.*, which is pinned; there is 2.0-1',
      changes: () => ({ pins: [{ package: 'libc', version: '3.*', reason: 'because', expires: null }] }),
    },
  ];

  for (const fault of faults) {
    it(`that ${fault.name} ends with ${fault.code}`, async () => {
      await fault.break?.();
      await expectCode(resolve(fault.changes?.()), fault.code, fault.says);
    });
  }

  it('never takes the lists of the last time for today’s', async () => {
    await resolve();
    for (const [index, fault] of faults.filter(({ break: breaks }) => breaks !== undefined).entries()) {
      archive.answers.clear();
      await archive.publish('stable', { packages: [...suite, stanzaText('libc', `3.${index}`)], date: new Date() });
      await fault.break?.();
      const error = await resolve().catch((thrown) => thrown);
      expect(error, fault.name).to.be.instanceOf(LockstepError);
    }
  });

  it('says that a disk is full, when it is', async () => {
    await toolbox.run(['mkdir', '-p', path.join(dir, '.lockstep')]);
    const mount = ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path.join(dir, '.lockstep')];
    await archive.publish('stable', {
      packages: [...suite, ...Array.from({ length: 2000 }, (_, n) => stanzaText(`p${n}`))],
    });
    await toolbox.run(mount);
    try {
      await expectCode(resolve(), 'E_DISK_FULL', 'No space left');
    } finally {
      await toolbox.run(['umount', path.join(dir, '.lockstep')]);
    }
  });

  it('names the keyring that is missing', () =>
    expectCode(
      resolveImage(imageConfig({ mirror: archive.url }), {
        toolbox,
        workspace: workspaceOf(dir),
        keyring: '/nonexistent/keyring.gpg',
      }),
      'E_TOOLBOX_TOOL',
      '/nonexistent/keyring.gpg',
    ));

  it('stops at once when interrupted', async () => {
    const stop = new AbortController();
    const held = createServer(() => stop.abort());
    await new Promise<void>((listening) => held.listen(0, '127.0.0.1', listening));
    const mirror = `http://127.0.0.1:${(held.address() as AddressInfo).port}/debian`;
    await toolbox.close();
    toolbox = await openHostToolbox({ ...hostOptions(dir), signal: stop.signal });
    try {
      await expectCode(resolve({ mirror }), 'E_INTERRUPTED', 'interrupted');
    } finally {
      held.closeAllConnections();
      held.close();
    }
  });

  it('keeps the private root free of this machine’s sources and trust', async () => {
    await resolve();
    const config = await readFile(path.join(dir, '.lockstep/apt/panel/apt.conf'), 'utf8');
    const { stdout } = await toolbox.run(['apt-config', 'dump'], {
      env: { APT_CONFIG: path.join(dir, '.lockstep/apt/panel/apt.conf') },
    });
    expect(config).to.contain('Dir::Etc::parts "/dev/null"');
    expect(stdout)
      .to.contain('APT::Architecture "armhf"')
      .and.not.to.match(/\/etc\/apt|DPkg::Post-Invoke/);
  });
});

function hostOptions(dir: string) {
  return { workspace: workspaceOf(dir), root: dir, signal: new AbortController().signal };
}

/** A toolbox whose apt is set up with these options instead of its own. */
function configured(toolbox: Toolbox, options: string): Toolbox {
  return new Proxy(toolbox, {
    get(target, name) {
      if (name !== 'run') return bound(target, name);
      return async (argv: readonly string[], settings: Parameters<Toolbox['run']>[1]) =>
        argv.join(' ').includes('apt-config dump\n')
          ? { exitCode: 0, stdout: options, stderr: '' }
          : target.run(argv, settings);
    },
  });
}

/** This machine's apt may have been told not to look at dates; these tests must not depend on it. */
function judgingDates(toolbox: Toolbox): Toolbox {
  return configured(toolbox, '');
}

function bound(target: Toolbox, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

async function expectCode(work: Promise<unknown>, code: ErrorCode, says: string | RegExp): Promise<void> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error, `expected ${code}`).to.be.instanceOf(LockstepError);
  expect(`${(error as LockstepError).code} ${(error as LockstepError).message}`).to.contain(code);
  if (typeof says === 'string') expect((error as LockstepError).message).to.contain(says);
  else expect((error as LockstepError).message).to.match(says);
}
