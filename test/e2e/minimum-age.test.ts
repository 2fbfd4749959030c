import { expect } from 'chai';
import type { ImageConfig } from '../../src/config/types.ts';
import type { SampleDeb } from '../apt/sample-deb.ts';
import { heldImage, pin, versionsOf } from './held-image.ts';

const day = 86_400_000;

/** Versions wait until their debs have been in the archive for three days, which the archive tells by its files' dates. */
describe('a minimum age of versions', function () {
  this.timeout(120_000);
  const image = heldImage();
  const now = new Date();

  /** A deb that was published some days ago. */
  const deb = (name: string, version: string, days: number, fields: Record<string, string> = {}): SampleDeb => ({
    package: name,
    version,
    fields,
    modified: new Date(now.getTime() - days * day),
  });
  const update = (changes: Partial<ImageConfig> = {}, days = 0) => {
    const options = { now: new Date(now.getTime() + days * day) };
    return image.update({ minimumAge: 3 * day, ...changes }, options);
  };
  const depends = { Depends: 'lib' };

  it('lets a version wait, and takes it once it is old enough', async () => {
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9)]);
    await update();
    await image.publish([deb('app', '2', 4, depends), deb('lib', '2', 1)]);
    const first = await update();
    expect(versionsOf(first)).to.deep.equal(['app 2', 'lib 1']);
    expect(first.waiting).to.have.length(1);
    expect(first.waiting[0]).to.include({ package: 'lib', version: '2' });
    expect(first.waiting[0]?.until.getTime()).to.be.closeTo(now.getTime() + 2 * day, 1000);
    expect(
      first.departed.map((each) => each.package),
      'the suite has lib 2 alone',
    ).to.deep.equal(['lib']);
    expect(versionsOf(await update({}, 1.9))).to.include('lib 1');
    const later = await update({}, 2.1);
    expect([versionsOf(later), later.waiting]).to.deep.equal([['app 2', 'lib 2'], []]);
  });

  it('asks for dates by HEAD alone, and only of versions that are new', async () => {
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9)]);
    await update();
    await image.publish([deb('app', '1', 9, depends), deb('lib', '2', 1)]);
    image.archive.server.requests.length = 0;
    await update();
    const asked = image.archive.server.requests.filter((line) => line.includes('/pool/'));
    expect(new Set(asked)).to.deep.equal(new Set(['HEAD /debian/pool/main/l/lib/lib_2_all.deb']));
  });

  it('takes what a security suite has at once, though others have to come along', async () => {
    const suites = ['stable', 'stable-security'];
    const security = (packages: SampleDeb[]) =>
      image.archive.publish('stable-security', { packages, area: 'debian-security', date: new Date() });
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9), deb('tool', '1', 9)]);
    await security([deb('other', '1', 9)]);
    const changes = { suites, packages: ['app', 'tool'] };
    await update(changes);
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9), deb('tool', '2', 1), deb('new', '1', 1)]);
    await security([deb('other', '1', 9), deb('lib', '1.1', 0, { Depends: 'new' })]);
    const resolution = await update(changes);
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'lib 1.1', 'new 1', 'tool 1']);
    expect(resolution.waiting.map((each) => each.package)).to.deep.equal(['tool']);
    expect(resolution.early.map((each) => each.package)).to.deep.equal(['new']);
  });

  it('lets what belongs together wait together', async () => {
    const both = (version: string, days: number, age = days) => [
      deb('app', version, days, { Depends: `lib (= ${version})` }),
      deb('lib', version, age),
    ];
    await image.publish(both('1', 9));
    await update();
    await image.publish(both('2', 8, 1));
    const resolution = await update();
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'lib 1']);
    expect(resolution.waiting.map((each) => each.package)).to.deep.equal(['lib']);
  });

  it('lets a version wait that needs a new package which is too young', async () => {
    await image.publish([deb('app', '1', 9)]);
    await update();
    await image.publish([deb('app', '2', 5, { Depends: 'new' }), deb('new', '1', 1)]);
    expect(versionsOf(await update())).to.deep.equal(['app 1']);
    expect(versionsOf(await update({}, 3))).to.deep.equal(['app 2', 'new 1']);
  });

  it('takes an older version that a suite still has where the lockfile pins none', async () => {
    await image.publish([deb('app', '1', 9), deb('app', '2', 1)]);
    const resolution = await update();
    expect(versionsOf(resolution)).to.deep.equal(['app 1']);
    expect(resolution.waiting.map((each) => each.version)).to.deep.equal(['2']);
  });

  it('is no reason to be without an image: what has no other version is taken, and told', async () => {
    await image.publish([deb('app', '1', 1, depends), deb('lib', '1', 9)]);
    const resolution = await update();
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'lib 1']);
    expect(resolution.early.map((each) => each.package))
      .to.include('app')
      .and.not.include('lib');
  });

  it('counts from the first sight where the mirror tells no dates, of what the lockfile has in another version', async () => {
    const undated = (...names: string[]) => {
      for (const name of names)
        image.archive.answers.set(`/debian/pool/main/${name[0]}/${name}_all.deb`, Buffer.from('deb'));
    };
    undated('app/app_1', 'lib/lib_1', 'lib/lib_2', 'lib/lib_3', 'tool/tool_1');
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9), deb('lib', '2', 9)]);
    const first = await update();
    expect([versionsOf(first), first.waiting, first.early]).to.deep.equal([['app 1', 'lib 2'], [], []]);
    await image.publish([deb('app', '1', 9, depends), deb('lib', '3', 9), deb('tool', '1', 9)]);
    const second = await update({ packages: ['app', 'tool'] });
    expect(versionsOf(second)).to.deep.equal(['app 1', 'lib 2', 'tool 1']);
    expect(second.waiting.map((each) => [each.version, each.published.told])).to.deep.equal([['3', false]]);
    expect(versionsOf(await update({}, 3.1))).to.deep.equal(['app 1', 'lib 3']);
  });

  it('waits within what a pin means, and not for the one version that a pin names', async () => {
    const versions = (...of: [string, number][]) => of.map(([version, days]) => deb('lib', version, days));
    await image.publish([deb('app', '1', 9, depends), ...versions(['1', 9], ['2.0', 9])]);
    await update();
    await image.publish([deb('app', '1', 9, depends), ...versions(['1', 9], ['2.1', 1])]);
    const glob = await update({ pins: [pin('lib', '2.*')] });
    expect([versionsOf(glob), glob.waiting.length]).to.deep.equal([['app 1', 'lib 2.0'], 1]);
    const named = await update({ pins: [pin('lib', '2.1')] });
    expect(versionsOf(named)).to.deep.equal(['app 1', 'lib 2.1']);
    expect(named.early.map((each) => each.package)).to.deep.equal(['lib']);
  });

  it('changes nothing while a version waits, so that its lockfile is up to date', async () => {
    await image.publish([deb('app', '1', 9)]);
    const { text } = await update();
    await image.publish([deb('app', '2', 1)]);
    expect((await update()).text).to.equal(text);
    expect(versionsOf(await update({ minimumAge: 0 }))).to.deep.equal(['app 2']);
  });

  it('holds for packages that are named, too', async () => {
    await image.publish([deb('app', '1', 9, depends), deb('lib', '1', 9)]);
    await update();
    await image.publish([deb('app', '2', 9, depends), deb('lib', '2', 1)]);
    const options = { now, only: ['lib'] };
    const resolution = await image.update({ minimumAge: 3 * day }, options);
    expect(versionsOf(resolution)).to.deep.equal(['app 1', 'lib 1']);
    expect(resolution.waiting.map((each) => each.package)).to.deep.equal(['lib']);
    expect(versionsOf(await image.update({}, { only: ['lib'] }))).to.deep.equal(['app 1', 'lib 2']);
  });
});
