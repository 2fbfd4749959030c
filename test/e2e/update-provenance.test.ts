import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { releaseOf } from '../../src/apt/provenance/provenance.ts';
import { parseProvenance } from '../../src/apt/provenance/provenance-file.ts';
import { LoopbackArchive, type Publication } from '../apt/loopback-archive.ts';
import { stanzaText } from '../apt/samples.ts';
import { updateIn } from './update-command.ts';

const hour = 3600_000;
const ago = (hours: number) => new Date(Date.now() - hours * hour);
const base = stanzaText('base', '1', { Essential: 'yes' });
const stable = [
  base,
  stanzaText('tool', '1.0', { Depends: 'libc' }),
  stanzaText('libc', '1'),
  stanzaText('other', '1'),
];
const fixed = stanzaText('libc', '2', { Filename: 'pool/updates/main/libc/libc_2.deb' });

/** The record beside the lockfile, by the command line, on a signed archive that changes. */
describe('lockstep update and where packages come from', function () {
  this.timeout(120_000);
  let archive: LoopbackArchive;
  let dir: string;
  const at = (name: string) => path.join(dir, name);
  const both = () => Promise.all(['panel.lock', 'panel.provenance'].map((name) => readFile(at(name), 'utf8')));
  const recorded = async () => parseProvenance((await both())[1]!, 'panel.provenance');
  const security = (publication: Publication) =>
    archive.publish('stable-security', { area: 'debian-security', ...publication });

  before(async () => {
    archive = await LoopbackArchive.open();
  });
  after(() => archive.close());

  beforeEach(async () => {
    await archive.clear();
    await archive.publish('stable', { packages: stable, date: ago(20) });
    await security({ packages: [fixed], date: ago(10) });
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-provenance-'));
    const { armored } = await archive.key('archive');
    await writeFile(at('archive.asc'), await readFile(armored));
    const panel = { arch: 'armhf', suites: ['stable', 'stable-security'], packages: ['tool'] };
    const images = { panel: { ...panel, mirror: archive.url, keyring: 'archive.asc' } };
    await writeFile(at('lockstep.yml'), JSON.stringify({ images }));
    const { exitCode, stderr } = await updateIn(dir);
    expect(exitCode, stderr).to.equal(0);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('records suite, component and repository of each package, and who signed which bytes', async () => {
    const provenance = await recorded();
    expect(
      Object.fromEntries([...provenance.origins].map(([name, origin]) => [name, Object.values(origin)])),
    ).to.deep.equal({
      base: [null, 'stable', 'main'],
      tool: [null, 'stable', 'main'],
      libc: [null, 'stable-security', 'main'],
    });
    const release = releaseOf(provenance, 'libc')!;
    const inRelease = await archive.read('/debian-security/dists/stable-security/InRelease');
    const { createHash } = await import('node:crypto');
    expect(release.sha256).to.equal(createHash('sha256').update(inRelease).digest('hex'));
    expect(release.signers).to.deep.equal([(await archive.key('archive')).fingerprint]);
    expect(Math.abs(Date.parse(release.date) - ago(10).getTime())).to.be.below(hour);
  });

  it('leaves lockfile and record as they are when the archive changes in what the image does not have', async () => {
    const before = await both();
    const inode = (await stat(at('panel.provenance'))).ino;
    await archive.publish('stable', { packages: [...stable, stanzaText('other', '2')], date: ago(2) });
    await security({ packages: [fixed, stanzaText('another')], date: ago(1), signer: 'archive' });
    const { outcome } = await updateIn(dir);
    expect(outcome.outcome).to.equal('unchanged');
    expect(await both()).to.deep.equal(before);
    expect((await stat(at('panel.provenance'))).ino).to.equal(inode);
  });

  it('leaves them as they are when another suite comes to have the same deb, and when its stanza gets a tag', async () => {
    const before = await both();
    const moved = [...stable, fixed.replace('pool/updates/main', 'pool/main')];
    await archive.publish('stable', { packages: moved.map((text) => `${text}Tag: new::tag\n`), date: ago(2) });
    expect((await updateIn(dir)).outcome.outcome).to.equal('unchanged');
    expect(await both()).to.deep.equal(before);
  });

  it('takes the path where the deb is now when its suite has it no more', async () => {
    await archive.publish('stable', {
      packages: [...stable, fixed.replace('pool/updates/main', 'pool/main')],
      date: ago(2),
    });
    await security({ packages: [stanzaText('another')], date: ago(1) });
    expect((await updateIn(dir)).outcome.outcome).to.equal('ok');
    expect((await both())[0]).to.contain('Filename: pool/main/libc/libc_2.deb');
    expect((await recorded()).origins.get('libc')).to.include({ suite: 'stable' });
  });

  it('is the same on a machine that has seen nothing yet', async () => {
    const before = await both();
    await security({ packages: [fixed], date: ago(5) });
    await rm(at('.lockstep'), { recursive: true });
    expect((await updateIn(dir)).outcome.outcome).to.equal('unchanged');
    expect(await both()).to.deep.equal(before);
  });

  it('records anew when a package changes', async () => {
    await security({ packages: [stanzaText('libc', '3')], date: ago(1) });
    const { outcome } = await updateIn(dir);
    expect(outcome.message).to.equal('updated: panel');
    const { releases } = await recorded();
    expect(Date.parse(releases[1]!.date)).to.be.above(ago(2).getTime());
  });

  it('records what a lockfile of former times came from', async () => {
    const [lockfile] = await both();
    await rm(at('panel.provenance'));
    expect(await readdir(dir)).not.to.include('panel.provenance');
    expect((await updateIn(dir)).outcome.outcome).to.equal('ok');
    expect([(await both())[0], (await recorded()).origins.size]).to.deep.equal([lockfile, 3]);
  });

  it('fails update --check without the record of this lockfile: nobody would notice an older suite then', async () => {
    const [, whole] = await both();
    const foreign = whole!.replace(/SHA256: ..../, 'SHA256: 0000');
    for (const spoilt of [null, foreign, `<<<<<<< ours\n${whole}`]) {
      if (spoilt === null) await rm(at('panel.provenance'));
      else await writeFile(at('panel.provenance'), spoilt);
      const before = await readdir(dir);
      const { exitCode, outcome } = await updateIn(dir, '--check');
      expect([exitCode, outcome.code], spoilt ?? 'no record').to.deep.equal([1, 'E_LOCK_OUTDATED']);
      expect(outcome.message).to.equal('panel: there is no panel.provenance that belongs to the lockfile');
      expect(outcome.hint).to.contain('commit the record');
      expect(await readdir(dir)).to.deep.equal(before);
    }
    await updateIn(dir);
    expect((await updateIn(dir, '--check')).exitCode).to.equal(0);
  });

  it('lets an archive change its key: who signed is recorded anew when a package changes, and not before', async () => {
    const before = await both();
    const [old, next] = [await archive.key('archive'), await archive.key('next')];
    const signedByNext = { date: ago(1), signer: 'next' };
    await archive.publish('stable', { packages: stable, ...signedByNext });
    await security({ packages: [fixed], ...signedByNext });
    expect((await updateIn(dir)).outcome.code).to.equal('E_APT_SIGNATURE');
    expect(await both()).to.deep.equal(before);
    await writeFile(at('archive.asc'), Buffer.concat([await readFile(old.armored), await readFile(next.armored)]));
    expect((await updateIn(dir)).outcome.outcome).to.equal('unchanged');
    expect(await both()).to.deep.equal(before);
    await security({ packages: [stanzaText('libc', '3')], ...signedByNext });
    expect((await updateIn(dir)).outcome.outcome).to.equal('ok');
    expect((await recorded()).releases.map(({ signers }) => signers)).to.deep.equal(Array(2).fill([next.fingerprint]));
    await writeFile(at('archive.asc'), await readFile(next.armored));
    expect((await updateIn(dir)).outcome.outcome).to.equal('unchanged');
  });

  it('makes a record anew that a merge left conflict markers in', async () => {
    const before = await both();
    await writeFile(at('panel.provenance'), `<<<<<<< ours\n${before[1]}`);
    const { stderr } = await updateIn(dir);
    expect(stderr).to.contain('panel.provenance:1');
    expect(await both()).to.deep.equal(before);
  });

  for (const [machine, forget] of [
    ['that saw the newer one', false],
    ['that saw nothing yet', true],
  ] as const) {
    it(`refuses a suite that is older than the recorded one, on a machine ${machine}`, async () => {
      const before = await both();
      await security({ packages: [stanzaText('libc', '1.9')], date: ago(30), modified: ago(30) });
      if (forget) await rm(at('.lockstep'), { recursive: true });
      const refused = await updateIn(dir);
      expect([refused.exitCode, refused.outcome.code]).to.deep.equal([1, 'E_SUITE_ROLLBACK']);
      expect(refused.outcome.message).to.match(/the suite stable-security is of .*, older than that of .* from which/);
      expect(refused.outcome.hint).to.contain('brings back every hole');
      expect(await both()).to.deep.equal(before);
      const other = await updateIn(dir, '--allow-suite-rollback', 'stable');
      expect(other.outcome.code).to.equal('E_SUITE_ROLLBACK');
    });
  }

  it('takes an older suite on the user’s word, says what that risks, and asks no second time', async () => {
    await security({ packages: [stanzaText('libc', '1.9')], date: ago(30) });
    const taken = await updateIn(dir, '--allow-suite-rollback', 'stable-security');
    expect(taken.exitCode, taken.stderr).to.equal(0);
    expect(taken.stderr).to.contain('as told: holes closed in between may be open again');
    expect((await both())[0]).to.contain('Version: 1.9');
    expect((await updateIn(dir)).outcome.outcome).to.equal('unchanged');
    const misspelt = await updateIn(dir, '--allow-suite-rollback', 'stable-secruity');
    expect([misspelt.exitCode, misspelt.outcome.code]).to.deep.equal([2, 'E_USAGE']);
  });

  it('refuses a suite that is past its day, whatever this machine’s apt is told, but for the user’s word', async () => {
    const before = await both();
    await security({ packages: [stanzaText('libc', '3')], date: ago(9), validUntil: ago(1) });
    const refused = await updateIn(dir);
    expect([refused.exitCode, refused.outcome.code]).to.deep.equal([1, 'E_APT_EXPIRED']);
    expect(refused.outcome.hint).to.contain('--allow-expired SUITE');
    expect(await both()).to.deep.equal(before);
    expect((await updateIn(dir, '--allow-expired', 'stable')).outcome.code).to.equal('E_APT_EXPIRED');
    const taken = await updateIn(dir, '--allow-expired', 'stable-security');
    expect(taken.exitCode, taken.stderr).to.equal(0);
    expect(taken.stderr).to.contain('as told: what was fixed since may be missing');
  });
});
