import { expect } from 'chai';
import ssh2 from 'ssh2';
import { newKeyPair } from '../../../src/device/ssh/key-pair.ts';

describe('a new key pair', () => {
  it('can be read again, every time, and its halves belong together', () => {
    for (let count = 0; count < 300; count++) {
      const pair = newKeyPair('virt-1');
      const [secret, open] = [ssh2.utils.parseKey(pair.private), ssh2.utils.parseKey(pair.public)];
      if (secret instanceof Error || open instanceof Error) throw new Error(`pair ${count} cannot be read`);
      expect(open.verify('text', secret.sign('text'))).to.equal(true);
    }
  });
});
