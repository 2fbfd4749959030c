import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { execa } from 'execa';
import type { DescribedChanges, DescribedSource } from '../../src/apt/changes/described.ts';
import { loadLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { openContext } from '../../src/commands/context.ts';
import { describedUpdate } from '../../src/commands/described-update.ts';
import { silent } from '../../src/progress/progress.ts';
import { commitMessage } from '../../src/refresh/message.ts';
import { dpkgChangelogs } from '../apt/changes/dpkg-changelog.ts';
import { projectRoot } from './lockstep.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { resolveServed } from './served-suites.ts';
import { lockstepFrom } from './tiny-project.ts';

const release = ['bookworm', 'bookworm-updates'];
const packages = ['openssl', 'perl-base', 'libpcre2-8-0', 'liblzma5'];

describe('lockstep diff of a lockfile without and with the security suite', function () {
  this.timeout(180_000);
  let dir: string;
  const at = (name: string) => path.join(dir, name);

  before(async () => {
    dir = await temporaryDirectory('diff');
    const arch = (await servedWhole('armhf')) ? 'armhf' : 'amd64';
    await resolve(arch, release);
    await cp(at('panel.lock'), at('before.lock'));
    await resolve(arch, [...release, 'bookworm-security']);
  });

  async function configure(arch: string, suites: string[]): Promise<void> {
    const panel = { arch, suites, base: ['libc6'], packages };
    await writeFile(at('lockstep.yml'), JSON.stringify({ images: { panel } }));
  }
  async function servedWhole(arch: string): Promise<boolean> {
    await configure(arch, [...release, 'bookworm-security']);
    const { outcome, stderr } = await lockstepFrom(dir, ['update']);
    if (outcome.code !== null && outcome.code !== 'E_APT_INCONSISTENT') throw new Error(stderr);
    return outcome.code === null;
  }
  /** From the mirror's indexes as they are served, when they do not match their signed list. */
  async function resolve(arch: string, suites: string[]): Promise<void> {
    await configure(arch, suites);
    const { outcome, stderr } = await lockstepFrom(dir, ['update']);
    if (outcome.code === 'E_APT_INCONSISTENT') await resolveServed(dir);
    else if (outcome.code !== null) throw new Error(stderr);
  }
  async function compared(...args: string[]): Promise<DescribedChanges> {
    const { exitCode, outcome, stderr } = await lockstepFrom(dir, ['diff', ...args]);
    expect(exitCode, stderr).to.equal(0);
    return (outcome.images as DescribedChanges[])[0]!;
  }
  async function shown(...args: string[]): Promise<string> {
    const argv = ['--import', 'tsx', path.join(projectRoot, 'src/cli.ts'), 'diff', ...args, '-C', dir];
    return (await execa('node', [...argv, '--toolbox', 'host'], { cwd: projectRoot })).stdout;
  }

  /** Of a refresh that has updated the lockfile in the work tree. */
  async function refreshMessage(): Promise<string> {
    const context = openContext({ C: dir, toolbox: 'host' }, silent, new AbortController().signal);
    const updated = { name: 'panel', lockfile: at('panel.lock'), changes: [], changed: true };
    try {
      return commitMessage(await describedUpdate(context, [updated]));
    } finally {
      await context.close();
    }
  }

  /** What the deb's changelog says by Debian's own reader, of the first package that has one of its own. */
  async function saidByDebian({ packages: names, from, to }: DescribedSource) {
    const { packages: locked } = await loadLockfile(at('panel.lock'));
    for (const { sha256, package: name } of locked.filter((deb) => names.includes(deb.package))) {
      const deb = ['cat', `dpkg/data/${sha256}`, `/usr/share/doc/${name}/changelog.Debian.gz`];
      const argv = [`--repo=${dir}/.lockstep/repo`, ...deb];
      const { exitCode, stdout } = await execa('ostree', argv, { reject: false, encoding: 'buffer' });
      if (exitCode !== 0) continue;
      const text = gunzipSync(stdout).toString('utf8');
      return (await dpkgChangelogs([{ text, since: from ?? '', to: to ?? '' }]))[0]!;
    }
    throw new Error(`no deb of ${names} is there`);
  }

  it('says which changelogs are not here, then fetches a deb for each, as a build would', async () => {
    const { sources } = await compared('before.lock', 'panel.lock');
    expect(sources.map(({ changelog }) => changelog)).to.include('not-here');
    const hint = (await lockstepFrom(dir, ['diff', 'before.lock', 'panel.lock'])).outcome.hint;
    expect(hint).to.contain('lockstep diff --fetch');
    const fetched = await compared('before.lock', 'panel.lock', '--fetch');
    expect(fetched.sources.map(({ changelog }) => changelog)).not.to.include('not-here');
    const refs = (await ostree(dir, 'refs', '--list', 'dpkg/data')).split('\n');
    expect(refs.length).to.be.within(1, fetched.sources.length + 2);
  });

  it('has the entries, CVE ids, bugs and urgency that Debian’s own reader finds in the debs', async () => {
    const { sources, size } = await compared('before.lock', 'panel.lock');
    const upgraded = sources.filter(({ kind }) => kind === 'upgraded');
    expect(upgraded.map(({ source }) => source)).to.include('openssl');
    expect(upgraded.flatMap(({ cves }) => cves).length).to.be.greaterThan(0);
    for (const source of upgraded) {
      const { entries, closes } = await saidByDebian(source);
      expect(source.entries.map(({ version, changes }) => ({ version, changes }))).to.deep.equal(
        entries.map(({ version, changes }) => ({ version, changes })),
      );
      expect(source.entries[0]).to.include({ version: source.to });
      expect(source.bugs, source.source).to.deep.equal(closes);
      const text = entries.map(({ changes }) => changes).join('\n');
      expect(source.cves.length > 0, source.source).to.equal(/CVE-\d/.test(text));
      for (const cve of source.cves) expect(text).to.contain(cve);
      expect(entries.map(({ urgency }) => urgency)).to.include(source.urgency);
    }
    expect(size.new).to.be.greaterThan(1_000_000);
  });

  it('tells them on a terminal and in Markdown, and the same of git revisions', async () => {
    const { sources } = await compared('before.lock', 'panel.lock');
    const cve = sources.flatMap(({ cves }) => cves)[0]!;
    const said = sources
      .flatMap(({ entries }) => entries)
      .flatMap(({ changes }) => changes.split('\n'))[0]!
      .trim();
    const text = await shown('before.lock', 'panel.lock');
    expect(text)
      .to.contain(cve)
      .and.to.contain(said)
      .and.to.match(/to download; installed size [+-]/);
    expect(await shown('before.lock', 'panel.lock', '--markdown'))
      .to.contain(cve)
      .and.to.match(/^- `openssl` `\S+` → `\S+`; urgency/m);

    const git = (...args: string[]) =>
      execa('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
    const after = await readFile(at('panel.lock'));
    await cp(at('before.lock'), at('panel.lock'));
    await git('init', '--quiet');
    await git('add', 'panel.lock');
    await git('commit', '--quiet', '--message', 'without security');
    await writeFile(at('panel.lock'), after);
    expect((await compared()).sources).to.deep.equal(sources);
    expect(await refreshMessage())
      .to.match(/^Refresh panel: /)
      .and.to.contain(cve)
      .and.to.contain(said);
    await git('commit', '--quiet', '--all', '--message', 'with security');
    expect((await compared('HEAD~1', 'HEAD')).sources).to.deep.equal(sources);
    expect((await compared('HEAD', 'HEAD~1')).sources.map(({ kind }) => kind)).to.include('downgraded');
    await rm(at('.git'), { recursive: true });
  });
});
