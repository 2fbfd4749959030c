import { expect } from 'chai';
import type { Archive } from '../../../src/apt/archive/sources.ts';
import { LockstepError } from '../../../src/errors/index.ts';
import { DebAddresses } from '../../../src/image/import/addresses.ts';
import { imageConfig } from '../../apt/samples.ts';
import { errorOf } from '../../deb/debs.ts';

const filename = 'pool/main/g/g++/g++_1:2_armhf.deb';
const archive: Archive = { suites: [], candidates: (name) => [`http://first/${name}`], proxy: () => 'http://proxy' };

describe('DebAddresses', () => {
  it('has the image’s archive first, then the others in the order of lockstep.yml', async () => {
    const archives = ['https://second/debian', '/srv/debs', 'file:///srv/more'];
    const addresses = new DebAddresses(imageConfig({ archives }), async () => archive);
    expect(await addresses.of(filename)).to.deep.equal([
      `http://first/${filename}`,
      'https://second/debian/pool/main/g/g%2B%2B/g%2B%2B_1%3A2_armhf.deb',
      `/srv/debs/${filename}`,
      'file:///srv/more/pool/main/g/g%2B%2B/g%2B%2B_1%3A2_armhf.deb',
    ]);
    expect(addresses.proxy('http://first/')).to.equal('http://proxy');
  });

  it('asks for the archive once, and not at all for debs of the project’s own', async () => {
    let asked = 0;
    const addresses = new DebAddresses(imageConfig({ lockfile: '/project/panel.lock' }), async () => {
      asked += 1;
      return archive;
    });
    expect(await addresses.of('./dist/own.deb')).to.deep.equal(['file:///project/dist/own.deb']);
    expect(asked).to.equal(0);
    await Promise.all([addresses.of(filename), addresses.of(filename)]);
    expect(asked).to.equal(1);
  });

  it('does without an archive that apt does not know when others are named', async () => {
    const unknown = async () => {
      throw new LockstepError('E_APT_NO_SUITE', 'no source serves buster');
    };
    const addresses = new DebAddresses(imageConfig({ archives: ['https://second'] }), unknown);
    expect(await addresses.of('pool/a.deb')).to.deep.equal(['https://second/pool/a.deb']);
    const error = await errorOf(new DebAddresses(imageConfig(), unknown).of('pool/a.deb'));
    expect(error.code).to.equal('E_APT_NO_SUITE');
  });
});
