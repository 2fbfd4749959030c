import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { compareVersions } from '../../src/apt/version.ts';
import { resolveServed } from './served-suites.ts';
import { tornSuites } from './torn-suites.ts';

const root = path.resolve(import.meta.dirname, '../..');
const packages = ['systemd-sysv', 'openssh-server', 'ostree', 'ostree-boot', 'dracut'];

interface Run {
  exitCode: number;
  stderr: string;
  outcome: {
    outcome: string;
    code: string | null;
    message: string;
    images: { name: string; lockfile: string; changes: { package: string; kind: string }[] }[];
  };
}

/** `lockstep update` and `diff` as a user runs them, against the archive that this machine's apt is set up with. */
describe('lockstep update', function () {
  this.timeout(120_000);
  let dir: string;
  const at = (name: string) => path.join(dir, name);

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-update-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const lockstep = async (...args: string[]): Promise<Run> => {
    const argv = ['--import', 'tsx', path.join(root, 'src/cli.ts'), ...args, '-C', dir, '--json'];
    const { exitCode, stdout, stderr } = await execa('node', argv, { cwd: root, reject: false });
    return { exitCode: exitCode ?? -1, stderr, outcome: JSON.parse(stdout) };
  };
  const update = (...args: string[]) => lockstep('update', '--toolbox', 'host', ...args);
  const configure = (images: Record<string, object>) => writeFile(at('lockstep.yml'), JSON.stringify({ images }));

  for (const [release, arch] of [
    ['bookworm', 'armhf'],
    ['trixie', 'armhf'],
    ['bookworm', 'amd64'],
  ] as const) {
    it(`resolves ${release} with updates and security for ${arch}, the same the second time`, async () => {
      const all = [release, `${release}-updates`, `${release}-security`];
      await configure({ panel: { arch, suites: all, packages } });
      const torn = await tornSuites(all, arch);
      if (torn.length > 0) {
        const refused = await update();
        expect(refused.outcome.code, `the mirror serves ${torn} half updated`).to.equal('E_APT_INCONSISTENT');
        expect(await readdir(dir)).not.to.include('panel.lock');
      }
      // Nothing can be left out of a mirror that has the release itself half updated.
      const served = torn.includes(release);
      const suites = served ? all : all.filter((suite) => !torn.includes(suite));
      const without = served ? [] : torn.flatMap((suite) => ['--without-suite', suite]);
      const resolve = async (outcome: string): Promise<string[] | null> => {
        if (served) return resolveServed(dir).then(() => null);
        const run = await update(...without);
        expect([run.outcome.outcome, run.exitCode], run.stderr).to.deep.equal([outcome, 0]);
        return run.outcome.images[0]!.changes.map((change) => change.package);
      };

      const added = await resolve('ok');
      const text = await readFile(at('panel.lock'), 'utf8');
      const locked = parseLockfile(text, 'panel.lock').packages;
      const names = locked.map((entry) => entry.package);
      expect(names).to.include.members([...packages, 'base-files', 'dash', 'dpkg', 'libc6']);
      expect(names).not.to.include('usrmerge');
      expect(new Set(locked.map((entry) => entry.architecture))).to.deep.equal(new Set([arch, 'all']));
      expect(added ?? names).to.deep.equal(names);
      await expectPublished(text, suites);

      const before = await stat(at('panel.lock'));
      expect((await resolve('unchanged')) ?? []).to.deep.equal([]);
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(text);
      expect((await stat(at('panel.lock'))).ino, 'the file was written again').to.equal(before.ino);
    });
  }

  /** Each stanza is one of the archive's, and none is older than what a suite of the image offers. */
  async function expectPublished(text: string, suites: string[]): Promise<void> {
    const lists = at('.lockstep/apt/panel/lists');
    const files = (await readdir(lists)).filter((name) => name.endsWith('_Packages'));
    expect(files).to.have.length(suites.length);
    const locked = new Map(parseLockfile(text, 'panel.lock').packages.map((entry) => [entry.package, entry]));
    const published = new Set<string>();
    for (const file of files) {
      for (const stanza of parseStanzas(await readFile(path.join(lists, file), 'utf8'))) {
        const pinned = locked.get(stanza.get('Package')!);
        if (pinned === undefined) continue;
        published.add(stanza.raw);
        const order = compareVersions(pinned.version, stanza.get('Version')!);
        expect(order, `${pinned.package} ${pinned.version} is older than ${file} has it`).to.be.at.least(0);
      }
    }
    for (const { package: name, fields } of locked.values()) {
      expect(published.has(fields.raw), `the stanza of ${name} is not the archive's`).to.equal(true);
    }
  }

  describe('of an image that has a lockfile', () => {
    const image = { arch: 'armhf', suites: ['bookworm'], packages: ['dash'] };
    let text: string;

    beforeEach(async () => {
      await configure({ panel: image });
      expect((await update()).outcome.outcome).to.equal('ok');
      text = await readFile(at('panel.lock'), 'utf8');
    });

    it('says in the lockfile which suites were left out, and is resolved with them again the next time', async () => {
      await configure({ panel: { ...image, suites: ['bookworm', 'bookworm-updates'] } });
      await update('--without-suite', 'bookworm-updates');
      expect(await readFile(at('panel.lock'), 'utf8')).to.contain('\n#Lockstep-Without: bookworm-updates\n');
      expect((await update()).outcome.outcome).to.equal('ok');
      expect(await readFile(at('panel.lock'), 'utf8')).not.to.contain('Without');
      const misspelt = await update('--without-suite', 'bookworm-update');
      expect([misspelt.exitCode, misspelt.outcome.code]).to.deep.equal([2, 'E_USAGE']);
    });

    it('with --check is content when it is what the archive gives', async () => {
      const { exitCode, outcome } = await update('--check');
      expect([exitCode, outcome.outcome, outcome.code]).to.deep.equal([0, 'unchanged', null]);
    });

    it('with --check fails and writes nothing when the archive has something newer', async () => {
      const old = text.replace(/(Package: dash\nVersion: ).*/, '$10.1-1');
      await writeFile(at('panel.lock'), old);
      const { exitCode, outcome } = await update('--check');
      expect([exitCode, outcome.outcome, outcome.code]).to.deep.equal([1, 'failed', 'E_LOCK_OUTDATED']);
      expect(outcome.images[0]!.changes).to.have.length(1);
      expect(outcome.images[0]!.changes[0]).to.include({ package: 'dash', from: '0.1-1', kind: 'upgraded' });
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(old);
      expect((await update()).outcome.outcome).to.equal('ok');
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(text);
    });

    it('names an unknown package with the nearest one, and leaves every lockfile as it was', async () => {
      await configure({ another: image, panel: { ...image, packages: ['openssh-serve'] } });
      const { exitCode, outcome } = await update();
      expect([exitCode, outcome.code]).to.deep.equal([2, 'E_APT_NO_PACKAGE']);
      expect(outcome.message).to.contain('openssh-serve (there is openssh-server');
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(text);
      expect(await readdir(dir)).not.to.include('another.lock');
    });

    it('leaves it as it was when the mirror cannot be reached', async () => {
      await configure({ panel: { ...image, mirror: 'http://127.0.0.1:9/debian' } });
      const { exitCode, outcome } = await update();
      expect([exitCode, outcome.code]).to.deep.equal([1, 'E_APT_UNREACHABLE']);
      expect(outcome.message).to.contain('127.0.0.1:9');
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(text);
    });

    it('makes it anew when a merge left conflict markers in it', async () => {
      await writeFile(at('panel.lock'), `<<<<<<< ours\n${text}=======\n>>>>>>> theirs\n`);
      const { outcome, stderr } = await update();
      expect(outcome.outcome).to.equal('ok');
      expect(stderr).to.contain('panel.lock:1: a conflict marker');
      expect(await readFile(at('panel.lock'), 'utf8')).to.equal(text);
    });

    it('leaves diff with what changed since a git revision, or between two files', async () => {
      const git = (...args: string[]) =>
        execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
      await writeFile(at('panel.lock'), text.replace(/(Package: dash\nVersion: ).*/, '$10.1-1'));
      await git('init', '--quiet');
      await git('add', 'panel.lock');
      await git('commit', '--quiet', '--message', 'lock');
      await writeFile(at('before.lock'), text);
      await writeFile(at('panel.lock'), text);
      const changes = async (...args: string[]) => (await lockstep('diff', ...args)).outcome.images[0]!.changes;
      expect(await changes()).to.have.length(1);
      expect((await changes())[0]).to.include({ package: 'dash', from: '0.1-1', kind: 'upgraded' });
      expect(await changes('HEAD', 'HEAD')).to.deep.equal([]);
      expect(await changes('before.lock', 'panel.lock')).to.deep.equal([]);
      const unknown = await lockstep('diff', 'no-such-revision');
      expect([unknown.exitCode, unknown.outcome.code]).to.deep.equal([2, 'E_USAGE']);
    });

    describe('which other tools read', () => {
      const names = () => parseLockfile(text, 'panel.lock').packages.map((entry) => entry.package);

      it('grep-dctrl does', async () => {
        const { stdout } = await execa('grep-dctrl', ['-n', '-s', 'Package', '', at('panel.lock')]);
        expect(stdout.split('\n').filter(Boolean)).to.deep.equal(names());
        const first = await execa('grep-dctrl', ['-XP', names()[0]!, at('panel.lock')], { stripFinalNewline: false });
        expect(first.stdout.trimEnd()).to.equal(parseLockfile(text, '').packages[0]!.fields.raw);
      });

      it('python-debian does', async () => {
        const script = `
import sys
from debian.deb822 import Packages
with open(sys.argv[1]) as index:
    for stanza in Packages.iter_paragraphs(index, use_apt_pkg=False):
        print(stanza["Package"], list(stanza)[0])`;
        const { stdout } = await execa('/usr/bin/python3', ['-c', script, at('panel.lock')]);
        expect(stdout.split('\n')).to.deep.equal(names().map((name) => `${name} Package`));
      });

      it('dpkg does', async () => {
        await mkdir(at('admin/updates'), { recursive: true });
        for (const file of ['status', 'available']) await writeFile(at(`admin/${file}`), '');
        const { stdout } = await execa('dpkg', [`--admindir=${at('admin')}`, '--update-avail', at('panel.lock')]);
        expect(stdout).to.contain(`${names().length} packages`);
      });

      it('apt does, as the index of an archive', async () => {
        const options = ['-o', `Dir::Etc::sourcelist=${at('flat.list')}`, '-o', 'Dir::Etc::sourceparts=/dev/null'];
        options.push(
          '-o',
          `Dir::State=${at('state')}`,
          '-o',
          `Dir::State::status=${at('status')}`,
          '-o',
          `Dir::Cache=${at('cache')}`,
        );
        options.push(
          '-o',
          'APT::Architecture=armhf',
          '-o',
          'APT::Architectures::=armhf',
          '-o',
          'APT::Sandbox::User=root',
        );
        for (const sub of ['state/lists/partial', 'cache/archives/partial', 'flat'])
          await mkdir(at(sub), { recursive: true });
        await writeFile(at('status'), '');
        await writeFile(at('flat/Packages'), text);
        await writeFile(at('flat.list'), `deb [trusted=yes] file:${at('flat')} ./\n`);
        await execa('apt-get', [...options, 'update']);
        const { stdout } = await execa('apt-cache', [...options, 'show', names()[0]!]);
        expect(stdout).to.contain(parseLockfile(text, '').packages[0]!.sha256);
        expect((await execa('apt-cache', [...options, 'dumpavail'])).stdout.match(/^Package: /gm)).to.have.length(
          names().length,
        );
      });
    });
  });
});
