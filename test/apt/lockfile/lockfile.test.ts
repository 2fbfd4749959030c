import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { inputsOf } from '../../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile, parseLockfile, readLockfile, writeLockfile } from '../../../src/apt/lockfile/lockfile.ts';
import type { ImageConfig } from '../../../src/config/types.ts';
import type { ErrorCode, LockstepError } from '../../../src/errors/index.ts';
import { refusal } from '../../refusal.ts';
import { imageConfig, locked, stanzaText } from '../samples.ts';

const image = imageConfig({ packages: ['dash', 'mail-transport-agent'], suites: ['bookworm', 'bookworm-security'] });
const packages = [
  locked('postfix', '3.7.11-0+deb12u1', { Provides: 'mail-transport-agent, default-mta (= 1.0)' }),
  locked('dash', '0.5.12-2', { Essential: 'yes', Source: 'dash (0.5.12-1)' }),
  locked('tzdata', '2025b-0+deb12u1', { Architecture: 'all' }),
];
const text = formatLockfile(inputsOf(image), packages);

describe('the lockfile', () => {
  let dir: string;
  let file: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-lockfile-'));
    file = path.join(dir, 'panel.lock');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const read = async (content: string, changes: Partial<ImageConfig> = {}) => {
    await writeFile(file, content);
    return readLockfile({ ...image, lockfile: file, ...changes });
  };

  it('is sorted by package, each stanza as it was published, below what it was made for', () => {
    expect(text).to.equal(
      [
        '#Lockstep-Architecture: armhf\n',
        '#Lockstep-Suites: bookworm bookworm-security\n',
        '#Lockstep-Packages: dash mail-transport-agent\n',
        `${packages[1]!.fields.raw}\n\n`,
        `${packages[0]!.fields.raw}\n\n`,
        `${packages[2]!.fields.raw}\n\n`,
      ].join(''),
    );
  });

  it('does not depend on the order in which packages and configuration come', () => {
    const shuffled = imageConfig({ packages: [...image.packages].reverse(), suites: [...image.suites].reverse() });
    expect(formatLockfile(inputsOf(shuffled), [...packages].reverse())).to.equal(text);
  });

  it('is read back with every field that a build needs', async () => {
    const lockfile = await read(text);
    expect(lockfile.packages.map((entry) => entry.package)).to.deep.equal(['dash', 'postfix', 'tzdata']);
    const { fields, ...dash } = lockfile.packages[0]!;
    expect(dash).to.deep.equal({
      package: 'dash',
      version: '0.5.12-2',
      architecture: 'armhf',
      filename: 'pool/main/d/dash/dash_0.5.12-2_armhf.deb',
      size: 1234,
      sha256: createHash('sha256').update('dash 0.5.12-2 armhf').digest('hex'),
      source: 'dash',
      essential: true,
    });
    expect(fields.get('Maintainer')).to.equal('Nobody <nobody@example.org>');
    expect(lockfile.digest).to.equal(createHash('sha256').update(text).digest('hex'));
    expect(formatLockfile(lockfile.inputs!, lockfile.packages)).to.equal(text);
  });

  it('is not written when its bytes are the same, and otherwise replaced whole', async () => {
    expect(await writeLockfile(file, text)).to.equal(true);
    const before = await stat(file);
    expect(await writeLockfile(file, text)).to.equal(false);
    expect((await stat(file)).ino).to.equal(before.ino);
    expect(await writeLockfile(file, `${text}${stanzaText('zsh')}\n`)).to.equal(true);
    expect((await stat(file)).ino).to.not.equal(before.ino);
    expect(await readdir(dir)).to.deep.equal(['panel.lock']);
  });

  it('says so when it cannot be written, and leaves nothing behind', async () => {
    const target = path.join(dir, 'missing', 'panel.lock');
    await expectRefusal(writeLockfile(target, text), 'E_LOCK_WRITE', target);
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('says so when it is missing', () =>
    expectRefusal(readLockfile({ ...image, lockfile: file }), 'E_LOCK_MISSING', file));

  const damages: { name: string; damaged: string; line: number; says: string }[] = [
    {
      name: 'a digest that is none',
      damaged: text.replace(/SHA256: .*/, 'SHA256: abc'),
      line: 11,
      says: 'SHA256 of dash',
    },
    { name: 'a size that is none', damaged: text.replace('Size: 1234', 'Size: 12k'), line: 10, says: 'Size of dash' },
    {
      name: 'a path that climbs',
      damaged: text.replace('Filename: pool/main', 'Filename: pool/../../etc'),
      line: 9,
      says: 'Filename of dash',
    },
    { name: 'an absolute path', damaged: text.replace('Filename: pool', 'Filename: /pool'), line: 9, says: 'Filename' },
    { name: 'a missing field', damaged: text.replace(/Version: .*\n/, ''), line: 4, says: 'no field Version' },
    {
      name: 'a package given twice',
      damaged: `${text}${stanzaText('dash', '9')}\n`,
      line: 34,
      says: 'dash is there twice',
    },
    { name: 'a line of garbage', damaged: text.replace('Maintainer:', 'Maintainer'), line: 7, says: 'Field: value' },
    { name: 'an end within a line', damaged: text.trimEnd(), line: 32, says: 'it was cut short' },
    { name: 'an end within its head', damaged: text.slice(0, 50), line: 1, says: 'it holds no package' },
    { name: 'no package at all', damaged: '#Lockstep-Architecture: armhf\n', line: 1, says: 'no package' },
    {
      name: 'conflict markers of git',
      damaged: text.replace('Version: 0', '<<<<<<< HEAD\nVersion: 1\n=======\nVersion: 0'),
      line: 5,
      says: 'conflict marker',
    },
  ];
  for (const { name, damaged, line, says } of damages) {
    it(`is refused with file and line for ${name}`, async () => {
      const error = await expectRefusal(read(damaged), 'E_LOCK_SYNTAX', `${file}:${line}:`);
      expect(error.message).to.contain(says);
    });
  }

  const stale: { name: string; changes: Partial<ImageConfig>; says: string }[] = [
    { name: 'suite', changes: { suites: ['bookworm'] }, says: 'the suite bookworm-security' },
    { name: 'package', changes: { packages: [...image.packages, 'zsh'] }, says: 'the package zsh' },
    { name: 'pattern of local debs', changes: { debs: ['dist/*.deb'] }, says: 'the local deb dist/*.deb' },
    { name: 'architecture', changes: { arch: 'arm64' }, says: 'armhf, lockstep.yml says arm64' },
    {
      name: 'pin',
      changes: { pins: [{ package: 'dash', version: '0.5.*', reason: 'because', expires: null }] },
      says: 'the pin dash=0.5.*',
    },
  ];
  for (const { name, changes, says } of stale) {
    it(`is stale, and says why, when the configuration has another ${name}`, async () => {
      const error = await expectRefusal(read(text, changes), 'E_LOCK_STALE', file);
      expect(error.message).to.contain(says);
    });
  }

  it('is not stale for a change that decides no package', async () => {
    const lockfile = await read(text, {
      mirror: 'http://127.0.0.1/debian',
      kargs: ['quiet'],
      overlay: [{ path: '/x', manifest: null }],
    });
    expect(lockfile.packages).to.have.length(3);
  });

  it('says which suites were left out on the user’s word, and is not stale for them', async () => {
    const partial = formatLockfile(inputsOf(image, ['bookworm-security']), packages);
    expect(partial).to.contain('#Lockstep-Suites: bookworm\n#Lockstep-Without: bookworm-security\n');
    expect((await read(partial)).inputs?.without).to.deep.equal(['bookworm-security']);
    await expectRefusal(read(partial, { suites: ['bookworm'] }), 'E_LOCK_STALE', 'the suite bookworm-security');
  });

  it('is stale when a package was taken out by hand', async () => {
    const error = await expectRefusal(read(text.replace(/Package: postfix\n(.+\n)+\n/, '')), 'E_LOCK_STALE', file);
    expect(error.message).to.contain('mail-transport-agent is missing');
  });

  it('is stale when a stanza is for another architecture', async () => {
    const error = await expectRefusal(
      read(`${text}${stanzaText('zsh', '1', { Architecture: 'i386' })}\n`),
      'E_LOCK_STALE',
      file,
    );
    expect(error.message).to.contain('zsh is for i386');
  });

  it('is stale when it does not say what it was made for', () =>
    expectRefusal(read(text.replace(/^#.*\n/gm, '')), 'E_LOCK_STALE', 'does not say'));

  it('can be read from a text that is no file', () => {
    expect(parseLockfile(text, 'HEAD:panel.lock').packages).to.have.length(3);
  });

  it('keeps the bytes of the file that it was read from', async () => {
    await writeLockfile(file, text);
    expect((await read(await readFile(file, 'utf8'))).text).to.equal(text);
  });
});

async function expectRefusal(work: Promise<unknown>, code: ErrorCode, says: string): Promise<LockstepError> {
  const error = await refusal(work, code);
  expect(error.message).to.contain(says);
  return error;
}
