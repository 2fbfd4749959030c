import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readKeyring } from '../../../src/apt/root/keyring.ts';
import { refusal } from '../../refusal.ts';
import { ArchiveKeys, type SigningKey } from '../archive-keys.ts';

describe('the keyring of a repository', () => {
  let keys: ArchiveKeys;
  let dir: string;
  let one: SigningKey;
  before(async () => {
    keys = await ArchiveKeys.open();
    one = await keys.key('one');
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-keyring-'));
  });
  after(async () => {
    await keys.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('is read in its binary form', async () => {
    expect(await readKeyring(one.keyring, 'it')).to.deep.equal(await readFile(one.keyring));
  });

  it('is read in its armored form, with headers, line ends of other systems, and more than one block', async () => {
    expect(await readKeyring(one.armored, 'it')).to.deep.equal(await readFile(one.keyring));
    const two = await keys.key('two');
    const blocks = [await readFile(one.armored, 'utf8'), await readFile(two.armored, 'utf8')];
    const text = blocks.map((block) => block.replace('BLOCK-----\n', 'BLOCK-----\nComment: it\n')).join('\n');
    await writeFile(path.join(dir, 'both.asc'), text.replaceAll('\n', '\r\n'));
    const both = Buffer.concat([await readFile(one.keyring), await readFile(two.keyring)]);
    expect(await readKeyring(path.join(dir, 'both.asc'), 'it')).to.deep.equal(both);
  });

  it('is refused when it holds no public key', async () => {
    for (const content of ['', '<html></html>', Buffer.from([0x85, 0x01])]) {
      await writeFile(path.join(dir, 'none.gpg'), content);
      const error = await refusal(readKeyring(path.join(dir, 'none.gpg'), 'it'), 'E_CONFIG_VALUE');
      expect(error.message).to.contain('none.gpg, holds no OpenPGP public key');
    }
    await refusal(readKeyring(path.join(dir, 'missing.gpg'), 'it'), 'E_CONFIG_VALUE');
  });
});
