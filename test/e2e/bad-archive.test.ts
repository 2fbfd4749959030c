import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { ErrorCode } from '../../src/errors/index.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { stanzaText } from '../apt/samples.ts';
import { lockstepFrom } from './tiny-project.ts';
import { updateIn } from './update-command.ts';

const base = stanzaText('base', '1', { Essential: 'yes' });
const good = [base, stanzaText('tool', '1')];
const html = Buffer.from('<!doctype html><title>Welcome</title><p>Please log in to use this network.</p>\n'.repeat(50));

/** What archives serve that no lockfile can be made from: each ends with a code, and changes no file of the project. */
describe('lockstep update with a bad archive', function () {
  this.timeout(120_000);
  let archive: LoopbackArchive;
  let dir: string;
  let whole: Record<string, string>;

  before(async () => {
    archive = await LoopbackArchive.open();
  });
  after(() => archive.close());

  const publish = (packages: readonly string[]) => archive.publish('stable', { packages });
  const repair = async () => {
    await archive.clear();
    await publish(good);
    await archive.publish('rolling', { area: 'vendor', packages: [stanzaText('gadget')] });
  };
  const snapshot = async () => {
    const names = (await readdir(dir)).filter((name) => name !== '.lockstep').sort();
    const files = names.map(async (name) => {
      const file = path.join(dir, name);
      return [name, `${(await stat(file)).ino} ${(await readFile(file)).toString('base64')}`] as const;
    });
    return Object.fromEntries(await Promise.all(files));
  };

  beforeEach(async () => {
    await repair();
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bad-'));
    await writeFile(path.join(dir, 'archive.asc'), await readFile((await archive.key('archive')).armored));
    const vendor = { url: archive.base('vendor'), suites: ['rolling'], keyring: 'archive.asc' };
    const panel = { arch: 'armhf', suites: ['stable'], packages: ['tool', 'gadget'], sources: [vendor] };
    const images = { panel: { ...panel, mirror: archive.url, keyring: 'archive.asc' } };
    await writeFile(path.join(dir, 'lockstep.yml'), JSON.stringify({ images }));
    const { exitCode, stderr } = await updateIn(dir);
    expect(exitCode, stderr).to.equal(0);
    whole = await snapshot();
    expect(Object.keys(whole)).to.include.members(['panel.lock', 'panel.provenance']);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const tool = (fields: Record<string, string>) => publish([base, stanzaText('tool', '2', fields)]);
  const index = '/debian/dists/stable/main/binary-armhf/Packages';
  const cases: [what: string, code: ErrorCode, says: string, spoil: () => unknown][] = [
    ['a repository without a Release file', 'E_APT_NO_SUITE', 'vendor rolling', () => archive.remove('/vendor/dists')],
    [
      'a web page, status 200, in place of all files',
      'E_APT_NOT_ARCHIVE',
      'stable InRelease',
      () => {
        for (const name of ['InRelease', 'Release', 'Release.gpg']) {
          archive.answers.set(`/debian/dists/stable/${name}`, html);
        }
      },
    ],
    [
      'a web page, status 200, in place of the index',
      'E_APT_INCONSISTENT',
      'Packages',
      async () => {
        await tool({});
        archive.answers.set(index, html);
      },
    ],
    [
      'an index that is not the one that its Release names',
      'E_APT_INCONSISTENT',
      'Packages',
      async () => {
        await tool({});
        await archive.write(index, `${base}\n${stanzaText('tool', '3')}`);
      },
    ],
    ['a Filename that climbs', 'E_APT_BAD_INDEX', '../../', () => tool({ Filename: 'pool/../../../etc/passwd' })],
    ['an absolute Filename', 'E_APT_BAD_INDEX', '/etc/passwd', () => tool({ Filename: '/etc/passwd' })],
    ['a Filename in the project', 'E_APT_BAD_INDEX', 'tool', () => tool({ Filename: './lockstep.yml' })],
    [
      'a deb without sha256',
      'E_APT_BAD_INDEX',
      'no sha256',
      () => publish([base, `${stanzaText('tool', '2').replace(/SHA256: .*\n/, '')}MD5sum: ${'0'.repeat(32)}\n`]),
    ],
    [
      'a signed index that breaks off',
      'E_APT_BAD_INDEX',
      'Packages',
      () => publish([base, stanzaText('tool', '2'), 'Package: gad\nVers']),
    ],
  ];

  for (const [what, code, says, spoil] of cases) {
    it(`that serves ${what} ends with ${code} and changes no file`, async () => {
      await spoil();
      const refused = await updateIn(dir);
      expect([refused.exitCode > 0, refused.outcome.code], refused.stderr).to.deep.equal([true, code]);
      expect(refused.outcome.message).to.contain(says);
      expect(refused.outcome.hint).to.be.a('string');
      expect(await snapshot()).to.deep.equal(whole);
      await repair();
      expect((await updateIn(dir)).outcome.outcome, 'it left something behind').to.equal('unchanged');
      expect(await snapshot()).to.deep.equal(whole);
    });
  }

  it('that goes silent in the middle of a file ends with E_APT_UNREACHABLE and changes no file', async () => {
    await tool({});
    const packages = await archive.read(index);
    archive.answers.set(index, (_, response) => {
      response.writeHead(200, { 'Content-Length': packages.length });
      response.write(packages.subarray(0, packages.length / 2));
    });
    // This machine's apt waits for 20 seconds, three times over.
    const settings = await mkdtemp(path.join(tmpdir(), 'lockstep-bad-apt-'));
    await writeFile(path.join(settings, 'impatient'), 'Acquire::http::Timeout "1";\n');
    const script = `mount --bind ${settings} /etc/apt/apt.conf.d; exec "$@"`;
    const wrap = ['unshare', '--mount', 'sh', '-euc', script, 'sh'];
    const refused = await lockstepFrom(dir, ['update'], { wrap });
    await rm(settings, { recursive: true });
    expect([refused.exitCode, refused.outcome.code], refused.stderr).to.deep.equal([1, 'E_APT_UNREACHABLE']);
    expect(refused.outcome.message).to.contain('Packages');
    expect(await snapshot()).to.deep.equal(whole);
    await repair();
    expect((await updateIn(dir)).outcome.outcome, 'it left something behind').to.equal('unchanged');
  });
});
