import { expect } from 'chai';
import { stanzaText } from '../apt/samples.ts';
import { base, heldImage, pin, versionsOf } from './held-image.ts';

describe('updating some packages only', function () {
  this.timeout(60_000);
  const image = heldImage();

  beforeEach(async () => {
    await image.publish([
      stanzaText('app', '1', { Depends: 'lib (>= 1), data' }),
      stanzaText('lib', '1'),
      stanzaText('data', '1'),
    ]);
    await image.update();
  });

  const second = [
    stanzaText('app', '2', { Depends: 'lib (>= 2), data, extra' }),
    stanzaText('lib', '2'),
    stanzaText('data', '2'),
    stanzaText('extra', '1'),
  ];

  it('leaves all others at the version that is locked, though the suite no longer has it', async () => {
    await image.publish(second);
    const resolution = await image.update({}, { only: ['data'] });
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'data 2', 'lib 1']);
    expect(resolution.departed.map((each) => each.package)).to.have.members(['app', 'lib']);
  });

  it('takes what the package then needs along', async () => {
    await image.publish(second);
    expect(versionsOf(await image.update({}, { only: ['app'] }))).to.deep.equal([
      'app 2',
      'data 1',
      'extra 1',
      'lib 2',
    ]);
  });

  it('takes what needs the package along when it cannot stay', async () => {
    const broken = [
      stanzaText('app', '2', { Depends: 'lib (>= 2), data' }),
      stanzaText('lib', '2', { Breaks: 'app (<< 2)' }),
    ];
    await image.publish([...broken, stanzaText('data', '2')]);
    expect(versionsOf(await image.update({}, { only: ['lib'] }))).to.deep.equal(['app 2', 'data 1', 'lib 2']);
  });

  it('drops what nothing needs any more', async () => {
    await image.publish([stanzaText('app', '2', { Depends: 'lib' }), stanzaText('lib', '1'), stanzaText('data', '1')]);
    expect(versionsOf(await image.update({}, { only: ['app'] }))).to.deep.equal(['app 2', 'lib 1']);
  });

  it('keeps the stanzas of the others to the byte, whatever the suite says of those versions now', async () => {
    const before = await image.update();
    await image.publish([
      stanzaText('app', '1', { Depends: 'lib (>= 1), data', Tag: 'new::tag' }),
      stanzaText('lib', '1', { Size: '77' }),
      stanzaText('data', '2'),
    ]);
    const { text } = await image.update({}, { only: ['data'] });
    const stanza = (of: string, name: string) => of.split('\n\n').find((each) => each.includes(`Package: ${name}\n`));
    for (const name of ['app', 'lib']) expect(stanza(text, name)).to.equal(stanza(before.text, name));
    expect(stanza(text, 'data')).to.contain('Version: 2');
  });

  it('is the same as doing nothing when there is nothing newer', async () => {
    const before = await image.update();
    expect((await image.update({}, { only: ['app', 'lib'] })).text).to.equal(before.text);
  });

  it('brings in what lockstep.yml has come to ask for since', async () => {
    await image.publish([...second, stanzaText('tool', '1', { Depends: 'toolkit' }), stanzaText('toolkit', '5')]);
    const changes = { packages: ['app', 'tool'], pins: [pin('lib', '2')] };
    const resolution = await image.update(changes, { only: ['data'] });
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'data 2', 'lib 2', 'tool 1', 'toolkit 5']);
  });

  it('never takes a package from the lockfile’s archive that its suite has no longer, when all are updated', async () => {
    const packages = [base.replace('Package: base', 'Package: newbase'), stanzaText('app', '3')];
    await image.archive.publish('stable', { packages, date: new Date() });
    const resolution = await image.update({ pins: [pin('app', '3')] });
    expect(resolution.packages.map((each) => each.package)).to.have.members(['app', 'newbase']);
  });

  it('brings what stands in the way up to date rather than to take it away', async () => {
    const without = [stanzaText('app', '2', { Depends: 'data' }), stanzaText('data', '2', { Conflicts: 'lib' })];
    await image.publish([...without, stanzaText('lib', '1')]);
    expect(versionsOf(await image.update({}, { only: ['data'] }))).to.deep.equal(['app 2', 'data 2']);
  });

  it('says what stands in the way when the others cannot stay', async () => {
    await image.publish([
      stanzaText('app', '1', { Depends: 'lib (>= 1), data' }),
      stanzaText('lib', '1'),
      stanzaText('data', '2', { Conflicts: 'lib (<< 2)' }),
    ]);
    const error = await image.update({}, { only: ['data'] }).catch((thrown) => thrown);
    expect(error).to.have.property('code', 'E_APT_UNSOLVABLE');
    expect(error.message).to.contain('data : Conflicts: lib (< 2) but 1 is to be installed');
  });
});
