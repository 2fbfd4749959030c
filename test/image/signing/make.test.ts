import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { makeSignature } from '../../../src/image/signing/make.ts';
import { readPublicKey } from '../../../src/image/signing/public-key.ts';
import type { Secret } from '../../../src/image/signing/secret.ts';
import { verify } from '../../../src/image/signing/verify.ts';
import { errorOf, temporaryDirectory } from '../../deb/debs.ts';
import { emptyHome, type MadeKey, makeKey } from '../gpg-keys.ts';
import { agentsIn } from './agents.ts';

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
});
