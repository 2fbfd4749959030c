import { readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { LockedDeb } from '../../src/deb/package.ts';
import { controlRef, dataRef } from '../../src/image/import/import-deb.ts';
import { commitArgv } from '../../src/ostree/commit.ts';
import { resolveRef } from '../../src/ostree/refs.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { entryFor } from '../deb/debs.ts';
import { importWhole } from './import-whole.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

/** setuid programs, hard links, directories of many owners, files under /lib, /lib64, /sbin, conffiles. */
const names = ['base-files', 'libc6', 'libc-bin', 'passwd', 'login', 'perl-base', 'cron', 'mount', 'procps'];

describe('the objects that an import writes', function () {
  this.timeout(120_000);
  let root: string;
  let repo: string;
  let toolbox: Toolbox;
  let debs: (LockedDeb & { file: string })[];

  before(async () => {
    root = await temporaryDirectory('objects');
    repo = path.join(root, '.lockstep/repo');
    toolbox = await openFor(root, 'host');
    await ensureRepo(toolbox, repo, 'bare');
    debs = await download(names);
    const fileOf = (filename: string) => debs.find((deb) => deb.filename === filename)?.file ?? '';
    const { signal } = new AbortController();
    const candidates = (filename: string) => [fileOf(filename)];
    await importWhole({ toolbox, repo, packages: debs, candidates, proxy: () => null, progress: silent, signal });
  });

  after(() => toolbox.close());

  it('are those of `ostree commit` of what dpkg-deb extracts: the same commits', async () => {
    for (const deb of debs) {
      const tree = path.join(await temporaryDirectory('extracted'), 'root');
      await execa('dpkg-deb', ['-x', deb.file, tree]);
      await mergeUsr(tree);
      const subject = `${deb.package} ${deb.version} ${deb.architecture}`;
      const { stdout } = await toolbox.run(commitArgv([`dir=${tree}`], { repo, ref: null, subject }));
      expect(await resolveRef(toolbox, repo, dataRef(deb)), deb.package).to.equal(stdout.trim());
    }
  });

  it('are those of `ostree commit --tree=tar` of a deb that needs no merging', async () => {
    for (const deb of debs) {
      const tar = path.join(root, `${deb.package}.tar`);
      await execa('dpkg-deb', ['--fsys-tarfile', deb.file], { stdout: { file: tar } });
      const { stdout: list } = await execa('tar', ['-tf', tar]);
      if (/^\.\/(bin|sbin|lib\w*)\//m.test(list)) continue;
      const subject = `${deb.package} ${deb.version} ${deb.architecture}`;
      const { stdout } = await toolbox.run(commitArgv([`tar=${tar}`], { repo, ref: null, subject }));
      expect(await resolveRef(toolbox, repo, dataRef(deb)), deb.package).to.equal(stdout.trim());
    }
  });

  it('are whole by ostree’s own check, checked out with links and copied', async () => {
    await execa('ostree', ['fsck', `--repo=${repo}`]);
    for (const deb of debs) {
      for (const [name, argv] of Object.entries({ hard: ['--require-hardlinks'], copied: ['--force-copy'] })) {
        const target = path.join(root, `${name}-${deb.package}`);
        for (const ref of [dataRef(deb), controlRef(deb)])
          await execa('ostree', ['checkout', `--repo=${repo}`, ...argv, '--union', ref, target]);
      }
    }
  });

  it('leave no temporary files', async () => {
    expect(await readdir(path.join(repo, 'tmp'))).to.deep.equal(['cache']);
  });
});

/** Debs of this machine's own architecture, by its apt. */
async function download(packages: readonly string[]): Promise<(LockedDeb & { file: string })[]> {
  const dir = await temporaryDirectory('downloaded');
  await execa('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', '-q', ...packages], { cwd: dir });
  const files = (await readdir(dir)).map((name) => path.join(dir, name));
  expect(files).to.have.length(packages.length);
  return Promise.all(files.map(lockedDeb));
}

async function lockedDeb(file: string): Promise<LockedDeb & { file: string }> {
  const format = '--showformat=${Package} ${Version} ${Architecture}';
  const { stdout } = await execa('dpkg-deb', ['--show', format, file]);
  const [name = '', version = '', architecture = ''] = stdout.split(' ');
  const entry = entryFor(await readFile(file), name);
  return { ...entry, version, architecture, filename: path.basename(file), file };
}

async function mergeUsr(root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!(await readdir(root)).includes(name)) continue;
    await execa('mkdir', ['-p', '-m', '755', path.join(root, 'usr')]);
    const to = path.join(root, 'usr', name);
    if ((await readdir(path.join(root, 'usr'))).includes(name)) {
      await execa('cp', ['-a', `${path.join(root, name)}/.`, to]);
      await execa('rm', ['-r', path.join(root, name)]);
    } else await rename(path.join(root, name), to);
  }
}
