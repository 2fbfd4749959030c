import { expect } from 'chai';
import { decodeDictionary } from '../../src/ostree/gvariant.ts';
import { deltaDirectory, summaryOffering } from '../../src/ostree/summary.ts';

describe('the summary of a repository', () => {
  const from = '99588772bfe88c7bce1d23c54f4ac9fee7857b537fd0247fceb4374d254683e5';
  const to = '986d7eb255e76c077afa0aef4de2f5d28dbe41fdce15437ea29573a9e54080ad';

  it('offers a delta by its commits, with the digest of its superblock', () => {
    const bytes = summaryOffering({ from, to, superblock: 'ab'.repeat(32) });
    const metadata = decodeDictionary(bytes.subarray(0, -1));
    const deltas = decodeDictionary(metadata.get('ostree.static-deltas')!.data);
    expect([...deltas.keys()]).to.deep.equal([`${from}-${to}`]);
    expect(deltas.get(`${from}-${to}`)).to.deep.include({ type: 'ay', data: Buffer.from('ab'.repeat(32), 'hex') });
  });

  it('has no refs', () => {
    // The end of the first member, an array.
    expect(summaryOffering({ from, to, superblock: 'ab'.repeat(32) }).at(-1)).to.equal(0);
  });

  it('stands for a delta where ostree looks for it', () => {
    expect(deltaDirectory(from, to)).to.equal(
      'deltas/mV/iHcr_ojHvOHSPFT0rJ_ueFe1N_0CR_zrQ3TSVGg+U-mG1+slXnbAd6+grvTeL10o2+Qf3OFUN+opVzqeVAgK0',
    );
  });
});
