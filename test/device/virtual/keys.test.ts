import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ensureKeyPair } from '../../../src/device/virtual/keys.ts';

describe('ensureKeyPair', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-keys-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('makes a pair that OpenSSH reads, with the fingerprint that OpenSSH prints, for its owner only', async () => {
    const pair = await ensureKeyPair(path.join(dir, 'key'), 'root@virt-1');
    const derived = execFileSync('ssh-keygen', ['-y', '-f', pair.path], { encoding: 'utf8' });
    const kept = await readFile(`${pair.path}.pub`, 'utf8');
    const printed = execFileSync('ssh-keygen', ['-l', '-f', `${pair.path}.pub`], { encoding: 'utf8' });
    expect(derived.split(' ')[1]?.trim()).to.equal(kept.split(' ')[1]?.trim());
    expect(printed).to.include(pair.fingerprint).and.to.include('root@virt-1');
    expect((await stat(pair.path)).mode & 0o777).to.equal(0o600);
  });

  it('keeps the pair that is there', async () => {
    const first = await ensureKeyPair(path.join(dir, 'key'), 'one');
    const second = await ensureKeyPair(path.join(dir, 'key'), 'two');
    expect(second).to.deep.equal(first);
  });

  it('makes the pair anew when a break left only its private half', async () => {
    const first = await ensureKeyPair(path.join(dir, 'key'), 'one');
    await rm(`${first.path}.pub`);
    const second = await ensureKeyPair(path.join(dir, 'key'), 'two');
    expect(second.fingerprint).not.to.equal(first.fingerprint);
  });
});
