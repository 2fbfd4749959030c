import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import type { UpdatedImage } from '../../src/commands/update/update.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import type { SampleDeb } from '../apt/sample-deb.ts';
import { commitFiles, git, makeRepositories } from '../refresh/repositories.ts';
import { base } from './held-image.ts';
import { projectWith } from './projects.ts';
import { lockstepFrom, type TinyAnswer } from './tiny-project.ts';
import { underKeyring } from './under-keyring.ts';

const day = 86_400_000;

/** What `lockstep update` tells of pins, of what waits, and of packages that are named, against a signed archive. */
describe('lockstep update with what is held', function () {
  this.timeout(120_000);
  let archive: LoopbackArchive;
  let dir: string;

  before(async () => {
    archive = await LoopbackArchive.open();
  });
  after(() => archive.close());
  beforeEach(async () => {
    await archive.clear();
    dir = await projectWith('held', '');
    await publish([deb('app', '1', 9), deb('lib', '1', 9)]);
    await configure({});
    expect((await update()).exitCode).to.equal(0);
  });

  const deb = (name: string, version: string, days: number): SampleDeb => ({
    package: name,
    version,
    ...(name === 'app' ? { fields: { Depends: 'lib' } } : {}),
    modified: new Date(Date.now() - days * day),
  });
  const publish = (packages: SampleDeb[]) =>
    archive.publish('stable', { packages: [base, ...packages], date: new Date() });
  const configure = (changes: object, more: object = {}) => {
    const panel = { arch: 'armhf', suites: ['stable'], packages: ['app'], mirror: archive.url, ...changes };
    return writeFile(
      path.join(dir, 'lockstep.yml'),
      JSON.stringify({ images: { panel, ...more }, refresh: { gate: 'none' } }),
    );
  };
  const update = (...args: string[]) => lockstepFrom(dir, ['update', ...args], { wrap: underKeyring(archive.keyring) });
  const lock = () => readFile(path.join(dir, 'panel.lock'), 'utf8');
  const panelOf = ({ outcome }: TinyAnswer) => (outcome.images as UpdatedImage[])[0]!;
  const pin = (expires: string) => ({ package: 'lib', version: '1', reason: 'https://bugs.example.org/7', expires });

  describe('an expired pin', () => {
    it('still holds, and is told by update', async () => {
      await configure({ pins: [pin('2020-01-31')] });
      await publish([deb('app', '2', 9), deb('lib', '2', 9)]);
      const answer = await update();
      expect([answer.exitCode, answer.outcome.outcome], answer.stderr).to.deep.equal([0, 'ok']);
      expect(answer.stderr).to.contain('the pin of lib expired on 2020-01-31: https://bugs.example.org/7');
      expect(await lock()).to.match(/Package: lib\nArchitecture: all\nVersion: 1\n/);
    });

    it('fails update --check, whose lockfile is up to date otherwise, and changes nothing', async () => {
      await configure({ pins: [pin('2020-01-31')] });
      await update();
      const before = await lock();
      const { exitCode, outcome } = await update('--check');
      expect([exitCode, outcome.outcome, outcome.code]).to.deep.equal([2, 'failed', 'E_PIN_EXPIRED']);
      expect(outcome.message).to.equal('the pin of lib in image panel expired on 2020-01-31');
      expect(await lock()).to.equal(before);
    });

    it('is not one on its last day', async () => {
      await configure({ pins: [pin(new Date().toISOString().slice(0, 10))] });
      await update();
      const { exitCode, outcome, stderr } = await update('--check');
      expect([exitCode, outcome.outcome]).to.deep.equal([0, 'unchanged']);
      expect(stderr).not.to.contain('expired');
    });
  });

  it('says that a pin of a package that the image does not have holds nothing', async () => {
    await configure({ pins: [{ ...pin('2999-01-01'), package: 'libb' }] });
    expect((await update()).stderr).to.contain('image panel has no package libb: its pin holds nothing');
  });

  it('says that the exclusion of a package that no suite has keeps nothing out', async () => {
    await configure({ exclude: ['libb', 'lob'] });
    await publish([deb('app', '1', 9), deb('lib', '1', 9), deb('lob', '1', 9)]);
    const { stderr } = await update();
    expect(stderr).to.contain('image panel: no suite has a package libb: its exclusion keeps nothing out');
    expect(stderr).not.to.contain('a package lob');
  });

  it('tells what waits, until when, and takes it at once with --minimum-age 0s', async () => {
    await configure({ minimumAge: '3d' });
    await publish([deb('app', '1', 9), deb('lib', '2', 1)]);
    const before = await lock();
    const answer = await update();
    expect(answer.outcome.outcome, answer.stderr).to.equal('unchanged');
    const [waiting] = panelOf(answer).waiting;
    expect(waiting).to.include({ package: 'lib', version: '2' });
    expect(Date.parse(waiting!.until) - Date.parse(waiting!.published!)).to.equal(3 * day);
    expect(answer.outcome.message).to.equal('nothing changed: a newer version is not old enough yet');
    expect(await lock()).to.equal(before);
    expect((await update('--check')).exitCode).to.equal(0);
    const now = await update('--minimum-age', '0s');
    expect(panelOf(now).changes.map((change) => change.to)).to.deep.equal(['2']);
    expect((await update('--minimum-age', 'soon')).outcome.code).to.equal('E_USAGE');
  });

  it('updates the packages that are named, in the images that have them', async () => {
    const other = { arch: 'armhf', suites: ['stable'], packages: ['lib'], mirror: archive.url };
    await configure({}, { other });
    await update();
    await publish([deb('app', '2', 9), deb('lib', '2', 9)]);
    const answer = await update('--only', 'app');
    const images = answer.outcome.images as UpdatedImage[];
    expect(images.map(({ name, changes }) => [name, changes.map((change) => change.package)])).to.deep.equal([
      ['panel', ['app']],
      ['other', []],
    ]);
    expect(answer.stderr).to.contain('stays at versions that have left their suites: lib 1');
    expect((await update('--only', 'app')).outcome.outcome).to.equal('unchanged');
    const misspelt = await update('--only', 'ap', 'lib');
    expect([misspelt.exitCode, misspelt.outcome.code]).to.deep.equal([2, 'E_USAGE']);
    expect(misspelt.outcome.message).to.contain('no image has the package ap');
    expect(misspelt.outcome.hint).to.contain('app');
  });

  it('is what a refresh does with the packages that are named, which need not wait then either', async () => {
    await configure({ minimumAge: '3d' });
    await update();
    const at = await makeRepositories();
    try {
      const files = ['lockstep.yml', 'panel.lock'].map(async (name) => [
        name,
        await readFile(path.join(dir, name), 'utf8'),
      ]);
      await commitFiles(at.clone, { ...Object.fromEntries(await Promise.all(files)), '.gitignore': '.lockstep/\n' });
      await git(at.clone, 'push', '--quiet', 'origin', 'main');
      await publish([deb('app', '2', 1), deb('lib', '2', 9)]);
      const argv = ['refresh', '--only', 'app', '--minimum-age', '0s', '--author', 'Night Job <night@example.org>'];
      const { exitCode, stderr } = await lockstepFrom(at.clone, argv, { wrap: underKeyring(archive.keyring) });
      expect(exitCode, stderr).to.equal(0);
      const lockfile = await git(at.bare, 'show', 'lockstep/refresh:panel.lock');
      const pinned = parseLockfile(`${lockfile}\n`, 'panel.lock').packages;
      expect(pinned.map((each) => `${each.package} ${each.version}`)).to.deep.equal(['app 2', 'base 1', 'lib 1']);
    } finally {
      await at.remove();
    }
  });

  it('does not hold the rest of a lockfile that was made for other suites', async () => {
    await configure({ suites: ['stable', 'stable-updates'] });
    const { exitCode, outcome } = await update('--only', 'lib');
    expect([exitCode, outcome.code]).to.deep.equal([2, 'E_LOCK_STALE']);
    expect(outcome.message).to.contain('the suite stable-updates');
  });
});
