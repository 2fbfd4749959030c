import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { SigningConfig } from '../../src/config/types.ts';
import { makeSignature } from '../../src/image/signing/make.ts';
import { openPrivateHome } from '../../src/image/signing/private-home.ts';
import { parsePublicKey, readPublicKey } from '../../src/image/signing/public-key.ts';
import { readSecret, type Secret } from '../../src/image/signing/secret.ts';
import { verify } from '../../src/image/signing/verify.ts';
import { errorOf, temporaryDirectory } from '../deb/debs.ts';
import { emptyHome, type MadeKey, makeKey } from './gpg-keys.ts';

const bytes = Buffer.from('what is to be signed');

describe('signing', function () {
  this.timeout(60_000);
  const signal = new AbortController().signal;
  let plain: MadeKey;
  let locked: MadeKey;
  let runtime: string;

  before(async () => {
    [plain, locked, runtime] = await Promise.all([
      makeKey({ algorithm: 'rsa2048' }),
      makeKey({ passphrase: 'open sesame' }),
      temporaryDirectory(),
    ]);
  });

  /** As on a machine whose user has no keys. */
  const options = (environment: NodeJS.ProcessEnv = {}) => ({
    environment: { PATH: process.env.PATH, XDG_RUNTIME_DIR: runtime, ...environment },
    signal,
  });
  const fileOf = ({ secretFile: file }: MadeKey, passphrase: string | null = null): Secret => ({
    key: { file },
    passphrase,
    name: 'the key',
  });
  const fingerprintOf = ({ fingerprint }: MadeKey, passphrase: string | null = null): Secret => ({
    key: { fingerprint },
    passphrase,
    name: 'the key',
  });
  const judge = async (key: MadeKey, signature: Buffer, signed = bytes) =>
    (await verify(await readPublicKey(key.publicFile), signed, [signature], options()))[0];

  describe('with a key file', () => {
    it('gives a signature that the public key proves, and only for these bytes', async () => {
      const signature = await makeSignature(fileOf(plain), bytes, options());
      expect(await judge(plain, signature)).to.deep.equal({
        kind: 'valid',
        fingerprints: [plain.fingerprint, plain.fingerprint],
      });
      expect(await judge(plain, signature, Buffer.from('something else'))).to.deep.equal({ kind: 'bad' });
      expect(await judge(locked, signature)).to.deep.equal({ kind: 'unknown' });
      expect(await judge(plain, Buffer.from('junk'))).to.deep.equal({ kind: 'bad' });
    });

    it('leaves neither home nor agent behind, whether it went well or not', async () => {
      await makeSignature(fileOf(locked, 'open sesame'), bytes, options());
      await errorOf(makeSignature(fileOf(locked, 'wrong'), bytes, options()));
      expect(await readdir(runtime)).to.deep.equal([]);
      expect(await agentsIn(runtime)).to.equal('');
    });

    it('says when the passphrase is wrong, and when there is none', async () => {
      const wrong = await errorOf(makeSignature(fileOf(locked, 'wrong'), bytes, options()));
      expect(wrong).to.include({ code: 'E_SIGN_PASSPHRASE' });
      expect(wrong.message).to.contain('the passphrase is wrong');
      expect(await errorOf(makeSignature(fileOf(locked), bytes, options()))).to.include({ code: 'E_SIGN_PASSPHRASE' });
    });

    it('says when the file is missing, or holds no secret key', async () => {
      const missing: Secret = { key: { file: '/nowhere/key.asc' }, passphrase: null, name: 'the key' };
      const gone = await errorOf(makeSignature(missing, bytes, options()));
      expect(gone).to.include({ code: 'E_SIGN_KEY', exitCode: 2 });
      expect(gone.message).to.contain('/nowhere/key.asc');
      const publicOnly: Secret = { key: { file: plain.publicFile }, passphrase: null, name: 'the key' };
      const error = await errorOf(makeSignature(publicOnly, bytes, options()));
      expect(error).to.include({ code: 'E_SIGN_KEY' });
      expect(error.message).to.contain('no secret key');
    });

    it('says when the key has expired, and on which day', async () => {
      const expired = await makeKey({ expired: true });
      const error = await errorOf(makeSignature(fileOf(expired), bytes, options()));
      expect(error).to.include({ code: 'E_SIGN_EXPIRED' });
      expect(error.message).to.contain('has expired on 2020-01-02');
    });

    it('shows the passphrase in no list of processes and in nobody’s environment', async () => {
      const dir = await temporaryDirectory();
      const gpg = (await execa('which', ['gpg'])).stdout;
      await writeFile(path.join(dir, 'gpg'), `#!/bin/sh\n{ echo "$@"; env; } >>${dir}/seen\nexec ${gpg} "$@"\n`);
      await chmod(path.join(dir, 'gpg'), 0o755);
      await makeSignature(fileOf(locked, 'open sesame'), bytes, options({ PATH: `${dir}:${process.env.PATH}` }));
      const seen = await readFile(path.join(dir, 'seen'), 'utf8');
      expect(seen).to.contain('--passphrase-fd 3').and.not.to.contain('sesame');
    });

    it('says what is missing where there is no gpg', async () => {
      const error = await errorOf(makeSignature(fileOf(plain), bytes, options({ PATH: '/nowhere' })));
      expect(error).to.include({ code: 'E_SIGN_GPG' });
      expect(error).to.have.property('hint').that.contains('install the package gpg');
    });
  });

  describe('with the user’s own keyring', () => {
    it('takes the key that the fingerprint names', async () => {
      const signature = await makeSignature(fingerprintOf(plain), bytes, options({ GNUPGHOME: plain.home }));
      expect(await judge(plain, signature)).to.include({ kind: 'valid' });
    });

    it('says when there is no such key', async () => {
      const error = await errorOf(makeSignature(fingerprintOf(plain), bytes, options({ GNUPGHOME: locked.home })));
      expect(error).to.include({ code: 'E_SIGN_KEY' });
      expect(error.message).to.contain('no secret key');
    });

    it('says when gpg-agent cannot be reached', async () => {
      const home = await emptyHome();
      await execa('cp', ['-a', `${plain.home}/.`, home]);
      await execa('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      await writeFile(path.join(home, 'gpg.conf'), 'no-autostart\n');
      const error = await errorOf(makeSignature(fingerprintOf(plain), bytes, options({ GNUPGHOME: home })));
      expect(error).to.include({ code: 'E_SIGN_AGENT' });
    });

    it('says when the agent has no way to ask for the passphrase', async () => {
      const home = await emptyHome();
      await execa('cp', ['-a', `${locked.home}/.`, home]);
      await execa('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      await writeFile(path.join(home, 'gpg-agent.conf'), 'pinentry-program /nowhere/pinentry\n');
      const error = await errorOf(makeSignature(fingerprintOf(locked), bytes, options({ GNUPGHOME: home })));
      expect(error).to.include({ code: 'E_SIGN_PASSPHRASE' });
    });
  });

  it('is interrupted when the user asks for it', async () => {
    const stopped = { ...options(), signal: AbortSignal.abort() };
    expect(await errorOf(makeSignature(fileOf(plain), bytes, stopped))).to.include({ code: 'E_INTERRUPTED' });
    expect(await readdir(runtime)).to.deep.equal([]);
  });

  it('lets nobody but its user into the home of a run, and takes it away when the run is killed', async () => {
    const script = `
      import { openPrivateHome } from ${JSON.stringify(path.resolve('src/image/signing/private-home.ts'))};
      const home = await openPrivateHome(process.env);
      process.stdout.write(home.path);
      setInterval(() => {}, 1000);`;
    const child = spawn('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
      env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    });
    const [said] = await once(child.stdout, 'data');
    const home = String(said);
    expect(home.startsWith(runtime)).to.equal(true);
    expect((await stat(home)).mode & 0o777).to.equal(0o700);
    await execa('gpg', ['--homedir', home, '--batch', '--import', plain.secretFile]);
    child.kill('SIGKILL');
    for (const deadline = Date.now() + 5000; Date.now() < deadline && (await readdir(runtime)).length > 0; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await readdir(runtime)).to.deep.equal([]);
    expect(await agentsIn(runtime)).to.equal('');
  });

  it('finds a directory for its home whose path leaves room for a socket', async () => {
    const home = await openPrivateHome({ XDG_RUNTIME_DIR: `/${'long/'.repeat(40)}` });
    expect(home.path).to.match(/^\/.{1,80}$/);
    await home.close();
    await home.close();
  });
});

async function agentsIn(dir: string): Promise<string> {
  return (await execa('pgrep', ['--full', '--list-full', `gpg-agent --homedir ${dir}`], { reject: false })).stdout;
}

describe('a public key file', function () {
  this.timeout(60_000);
  let keys: MadeKey[];

  before(async () => {
    keys = await Promise.all([makeKey(), makeKey({ algorithm: 'rsa2048' })]);
  });

  it('is read armored and binary, with the fingerprints that gpg shows', async () => {
    for (const { publicFile, fingerprint, home } of keys) {
      expect((await readPublicKey(publicFile)).fingerprints).to.deep.equal([fingerprint]);
      const binary = await execa('gpg', ['--homedir', home, '--export', fingerprint], {
        encoding: 'buffer',
        stripFinalNewline: false,
      });
      const read = parsePublicKey('key.gpg', Buffer.from(binary.stdout));
      expect(read.fingerprints).to.deep.equal([fingerprint]);
      expect(read.packets).to.deep.equal((await readPublicKey(publicFile)).packets);
    }
  });

  it('may hold several keys', async () => {
    const text = (await Promise.all(keys.map(({ publicFile }) => readFile(publicFile, 'utf8')))).join('\n');
    const { fingerprints } = parsePublicKey('keys.asc', Buffer.from(text));
    expect(fingerprints).to.deep.equal(keys.map(({ fingerprint }) => fingerprint));
  });

  it('is refused when it holds a secret key, which would end in the image', async () => {
    const error = await errorOf(readPublicKey(keys[0]!.secretFile));
    expect(error).to.include({ code: 'E_SIGN_KEY' });
    expect(error.message).to.contain(keys[0]!.secretFile).and.to.contain('secret key');
  });

  it('is refused when it is missing, empty, cut or something else', async () => {
    expect(await errorOf(readPublicKey('/nowhere/key.asc'))).to.include({ code: 'E_SIGN_KEY' });
    const { packets } = await readPublicKey(keys[0]!.publicFile);
    for (const bad of [Buffer.alloc(0), Buffer.from('junk'), packets.subarray(0, 30), Buffer.from([0xff, 0xff, 1])]) {
      expect(() => parsePublicKey('key.asc', bad)).to.throw('holds no OpenPGP public key');
    }
  });
});

describe('what lockstep.yml says of signing', () => {
  const config: SigningConfig = {
    key: `${'AB'.repeat(20)}`,
    publicKey: '/project/key.asc',
    passphraseFile: null,
    passphraseEnv: null,
    remote: null,
  };

  it('names a key by fingerprint, by file, or by a variable that holds either', async () => {
    const keyOf = async (key: string, environment = {}) =>
      (await readSecret({ ...config, key }, '/project', environment)).key;
    expect(await keyOf(config.key)).to.deep.equal({ fingerprint: config.key });
    expect(await keyOf('/keys/a.asc')).to.deep.equal({ file: '/keys/a.asc' });
    expect(await keyOf('$KEY', { KEY: 'keys/b.asc' })).to.deep.equal({ file: '/project/keys/b.asc' });
    expect(await keyOf('$KEY', { KEY: config.key.toLowerCase() })).to.deep.equal({ fingerprint: config.key });
  });

  it('finds the passphrase in a file or a variable', async () => {
    const dir = await temporaryDirectory();
    await writeFile(path.join(dir, 'pass'), 'open sesame\nnot this\n');
    const passphraseOf = async (given: Partial<SigningConfig>, environment = {}) =>
      (await readSecret({ ...config, ...given }, dir, environment)).passphrase;
    expect(await passphraseOf({})).to.equal(null);
    expect(await passphraseOf({ passphraseFile: path.join(dir, 'pass') })).to.equal('open sesame');
    expect(await passphraseOf({ passphraseFile: '$FILE' }, { FILE: 'pass' })).to.equal('open sesame');
    expect(await passphraseOf({ passphraseEnv: 'PASS' }, { PASS: 'secret' })).to.equal('secret');
  });

  it('is an error where it names what is not there', async () => {
    const failing = (given: Partial<SigningConfig>) => errorOf(readSecret({ ...config, ...given }, '/project', {}));
    expect(await failing({ key: '$KEY' })).to.include({ code: 'E_SIGN_KEY' });
    expect(await failing({ passphraseEnv: 'PASS' })).to.include({ code: 'E_SIGN_PASSPHRASE' });
    expect(await failing({ passphraseFile: '/nowhere/pass' })).to.include({ code: 'E_SIGN_PASSPHRASE' });
  });
});
