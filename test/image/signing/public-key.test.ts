import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { parsePublicKey, readPublicKey } from '../../../src/image/signing/public-key.ts';
import { errorOf } from '../../deb/debs.ts';
import { type MadeKey, makeKey } from '../gpg-keys.ts';

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
