import { expect } from 'chai';
import { sampleBill } from './sample-bill.ts';

describe('the bill of an image', () => {
  const of = (name: string) => sampleBill().packages.find(({ locked }) => locked.package === name)!;

  it('has home pages that are URLs, and no others', () => {
    expect(of('dash').homepage).to.equal('http://gondor.example.org/~h/dash/');
    expect(of('panel-app').homepage).to.equal(null);
    expect(of('libc6').homepage).to.equal(null);
  });

  it('has maintainers without an email that is none', () => {
    expect(of('dash').maintainer).to.deep.equal({ name: 'Nobody', email: 'nobody@example.org' });
    expect(of('vendor-tool').maintainer).to.deep.equal({ name: 'ACME', email: null });
    expect(of('mawk').maintainer).to.deep.equal({ name: 'Debian "Awk" Team', email: null });
  });
});
