import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { SigningConfig } from '../../../src/config/types.ts';
import { readSecret } from '../../../src/image/signing/secret.ts';
import { errorOf, temporaryDirectory } from '../../deb/debs.ts';

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
