import { expect } from 'chai';
import type { ImageConfig } from '../../src/config/types.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import type { Published } from '../apt/loopback-archive.ts';
import { stanzaText } from '../apt/samples.ts';
import { heldImage, pin, versionsOf } from './held-image.ts';

describe('pins that leave no solution', function () {
  this.timeout(60_000);
  const image = heldImage();

  const refused = async (packages: readonly Published[], changes: Partial<ImageConfig>): Promise<string> => {
    await image.publish(packages);
    const error: LockstepError = await image.update(changes).then(
      () => expect.fail('it was solved'),
      (thrown) => thrown,
    );
    expect(error.code).to.equal('E_APT_UNSOLVABLE');
    return error.message;
  };

  it('are explained by who needs something newer', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib (>= 2)' }),
      stanzaText('lib', '2'),
      stanzaText('lib', '1'),
    ];
    expect(await refused(packages, { pins: [pin('lib', '1', 'https://bugs.example.org/7')] })).to.equal(
      `image panel: the pin lib 1 leaves no solution:
  app 2 needs lib (>= 2)
  lib is pinned because: https://bugs.example.org/7`,
    );
  });

  it('are explained by what the pinned version needs and nobody has', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib' }),
      stanzaText('lib', '2', { Depends: 'data (= 2)' }),
      stanzaText('lib', '1', { Depends: 'data (= 1)' }),
      stanzaText('data', '2'),
    ];
    expect(await refused(packages, { pins: [pin('lib', '1*')] })).to.equal(
      `image panel: the pin lib 1* leaves no solution:
  lib 1 needs data (= 1); there is data 2
  lib is pinned because: it broke`,
    );
  });

  it('are explained by a package far away, which needs the newer one of what the pinned one needs', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib, middle' }),
      stanzaText('middle', '5', { Depends: 'data (>= 2)' }),
      stanzaText('lib', '2', { Depends: 'data (>= 2)' }),
      stanzaText('lib', '1', { Depends: 'data (<< 2)' }),
      stanzaText('data', '2'),
      stanzaText('data', '1'),
    ];
    const message = await refused(packages, { pins: [pin('lib', '1')] });
    expect(message).to.contain('leaves no solution:\n  lib 1 needs data (<< 2)\n  middle 5 needs data (>= 2)\n');
  });

  it('are explained by who breaks the pinned version', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib, other' }),
      stanzaText('other', '3', { Breaks: 'lib (<< 2)' }),
      stanzaText('lib', '2'),
      stanzaText('lib', '1'),
    ];
    const message = await refused(packages, { pins: [pin('lib', '1')] });
    expect(message).to.contain('  other 3 breaks lib (<< 2), which is lib 1\n');
  });

  it('are named together when each alone would do, and others are left out', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib, data, fine' }),
      stanzaText('lib', '1', { Breaks: 'data (<< 2)' }),
      ...['lib', 'data', 'fine'].map((name) => stanzaText(name, '2')),
      ...['data', 'fine'].map((name) => stanzaText(name, '1')),
    ];
    const pins = [pin('fine', '1'), pin('lib', '1', 'first'), pin('data', '1', 'second')];
    expect(
      await refused(packages, { pins }),
    ).to.equal(`image panel: the pin lib 1 and the pin data 1 leave no solution together:
  lib 1 breaks data (<< 2), which is data 1
  lib is pinned because: first
  data is pinned because: second`);
    expect(versionsOf(await image.update({ pins: pins.slice(0, 2) }))).to.include.members(['lib 1', 'data 2']);
    expect(versionsOf(await image.update({ pins: [pins[0]!, pins[2]!] }))).to.include.members(['lib 2', 'data 1']);
  });

  it('are explained by what has to be pinned as well', async () => {
    const packages = ['1', '2'].flatMap((version) => [
      stanzaText('app', version, { Depends: `lib (= ${version})` }),
      stanzaText('lib', version),
    ]);
    const message = await refused(packages, { pins: [pin('app', '1')] });
    expect(message).to.contain('leaves no solution:\n  app 1 needs lib (= 1): pin lib to 1 as well\n');
    expect(versionsOf(await image.update({ pins: [pin('app', '1'), pin('lib', '1')] }))).to.deep.equal([
      'app 1',
      'lib 1',
    ]);
  });

  it('are explained beside packages that are excluded', async () => {
    const packages = [stanzaText('app', '2', { Depends: 'lib' }), stanzaText('lib', '1', { Depends: 'data | other' })];
    packages.push(stanzaText('lib', '2', { Depends: 'data' }), stanzaText('data', '1'), stanzaText('other', '1'));
    const message = await refused(packages, { pins: [pin('lib', '2')], exclude: ['data'] });
    expect(message).to.contain('the exclusion of data leaves no solution:\n  lib 2 needs data');
  });

  it('are explained by a few of those that need it where there are many', async () => {
    const many = Array.from({ length: 14 }, (_, at) => `p${at}`);
    const packages = [stanzaText('app', '2', { Depends: many.join(', ') }), stanzaText('lib', '1')];
    packages.push(stanzaText('lib', '2'), ...many.map((name) => stanzaText(name, '1', { Depends: 'lib (>= 2)' })));
    const message = await refused(packages, { pins: [pin('lib', '1')] });
    expect(message.match(/needs lib \(>= 2\)/g)).to.have.length(10);
    expect(message).to.match(/\n {2}… and 4 more\n {2}lib is pinned because: /);
  });

  it('are told one after the other when there are several causes', async () => {
    const packages = [
      stanzaText('app', '2', { Depends: 'lib (>= 2), data (>= 2)' }),
      ...['lib', 'data'].flatMap((name) => [stanzaText(name, '1'), stanzaText(name, '2')]),
    ];
    const message = await refused(packages, { pins: [pin('lib', '1'), pin('data', '1')] });
    expect(message).to.contain('the pin lib 1 leaves no solution:\n  app 2 needs lib (>= 2)\n');
    expect(message).to.contain('the pin data 1 leaves no solution:\n  app 2 needs data (>= 2)\n');
  });

  it('are not blamed for what has no solution without them', async () => {
    const packages = [stanzaText('app', '2', { Depends: 'missing' }), stanzaText('lib', '1'), stanzaText('lib', '2')];
    const message = await refused(packages, { pins: [pin('lib', '1')] });
    expect(message).to.contain('app : Depends: missing').and.not.contain('pin');
  });

  it('are no error for a version that only the lockfile has any more', async () => {
    await image.publish([stanzaText('app', '1', { Depends: 'lib' }), stanzaText('lib', '1')]);
    await image.update();
    await image.publish([stanzaText('app', '2', { Depends: 'lib' }), stanzaText('lib', '2')]);
    const resolution = await image.update({ pins: [pin('lib', '1')] });
    expect(versionsOf(resolution)).to.deep.equal(['app 2', 'lib 1']);
    expect(resolution.departed.map((each) => each.package)).to.deep.equal(['lib']);
  });
});
