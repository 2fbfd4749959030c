import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import { type Imported, importDebs } from '../../src/image/import.ts';
import { importDeb } from '../../src/image/import-deb.ts';
import { commitArgv } from '../../src/ostree/commit.ts';
import { markOf } from '../../src/ostree/deferred-sync.ts';
import { ObjectWriter } from '../../src/ostree/object-writer.ts';
import { listRefs } from '../../src/ostree/refs.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { entryFor, errorOf, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';
import { describeTree } from './tree.ts';

describe('the import of debs', function () {
  this.timeout(120_000);
  let root: string;
  let repo: string;
  let toolbox: Toolbox;
  let server: DebServer;
  let debs: MadeDeb[];

  before(async () => {
    debs = await Promise.all([odd(), multiArch(), bare(), large()]);
  });

  beforeEach(async () => {
    root = await temporaryDirectory('import');
    repo = path.join(root, '.lockstep/repo');
    toolbox = await openFor(root, 'host');
    await ensureRepo(toolbox, repo, 'bare');
    server = await DebServer.open();
    for (const deb of debs) server.serve(deb);
  });

  afterEach(async () => {
    server.close();
    await toolbox.close();
  });

  function importAll(options: { packages?: MadeDeb[]; in?: Toolbox; repo?: string; signal?: AbortSignal } = {}) {
    const { packages = debs, signal = new AbortController().signal } = options;
    const { candidates } = server;
    const where = { toolbox: options.in ?? toolbox, repo: options.repo ?? repo };
    return importDebs({ ...where, packages, candidates, proxy: () => null, progress: silent, signal });
  }

  const refs = async (where = repo) => [...(await listRefs(toolbox, where))].sort();
  const bothRefs = (of: MadeDeb[]) =>
    of.flatMap(({ sha256 }) => [`dpkg/control/${sha256}`, `dpkg/data/${sha256}`]).sort();

  async function checkout(ref: string): Promise<string> {
    const dir = path.join(await temporaryDirectory('checkout'), 'root');
    await execa('ostree', ['checkout', `--repo=${repo}`, ref, dir]);
    return dir;
  }

  it('commits of each deb what dpkg-deb extracts, on a merged system', async () => {
    const bytes = debs.reduce((sum, { size }) => sum + size, 0);
    const all: Imported = { imported: 4, cached: 0, bytes, reused: false };
    expect(await importAll()).to.deep.equal(all);
    for (const deb of debs) {
      const expected = path.join(await temporaryDirectory('extracted'), 'root');
      await execa('dpkg-deb', ['-x', deb.file, expected]);
      await mergeUsr(expected);
      const committed = await checkout(`dpkg/data/${deb.sha256}`);
      expect([...(await describeTree(committed)).values()], deb.package).to.have.deep.members([
        ...(await describeTree(expected)).values(),
      ]);
    }
  });

  it("writes of dpkg's database what dpkg --unpack writes", async () => {
    await importAll();
    for (const deb of debs) {
      const real = await unpackedBy(deb);
      const committed = path.join(await checkout(`dpkg/control/${deb.sha256}`), 'var/lib/dpkg/info');
      expect([...(await describeTree(committed)).values()], deb.package).to.have.deep.members([
        ...(await describeTree(real)).values(),
      ]);
    }
  });

  it('makes refs that a plain merge lays over each other', async () => {
    await importAll();
    const trees = bothRefs(debs).map((ref) => `ref=${ref}`);
    await toolbox.run(commitArgv(trees, { repo, ref: 'merged', subject: 'merged' }));
    const merged = await checkout('merged');
    const lists = (await readdir(path.join(merged, 'var/lib/dpkg/info'))).filter((name) => name.endsWith('.list'));
    expect(lists).to.have.members(['bare.list', 'large.list', 'multi:armhf.list', 'odd.list']);
    expect(await readdir(path.join(merged, 'var/lib/dpkg/lockstep'))).to.include('multi_armhf.control');
    expect(await readFile(path.join(merged, 'usr/bin/tool'), 'utf8')).to.equal('tool\n');
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('makes the same commits in both toolboxes', async function () {
    this.timeout(15 * 60_000);
    await importAll();
    const commits = () =>
      Promise.all(bothRefs(debs).map((ref) => readFile(path.join(repo, 'refs/heads', ref), 'utf8')));
    const onHost = await commits();
    await rm(repo, { recursive: true });
    const docker = await openFor(root, 'docker');
    try {
      await ensureRepo(docker, repo, 'bare');
      expect(await importAll({ in: docker })).to.include({ imported: 4 });
      expect(await commits()).to.deep.equal(onHost);
    } finally {
      await docker.close();
    }
  });

  it('asks for nothing that is there already', async () => {
    await importAll({ packages: debs.slice(0, 2) });
    server.requests.length = 0;
    expect(await importAll()).to.include({ imported: 2, cached: 2 });
    expect(server.requests).to.have.members(debs.slice(2).map(({ filename }) => filename));
    server.requests.length = 0;
    expect(await importAll()).to.deep.equal({ imported: 0, cached: 4, bytes: 0, reused: true });
    expect(server.requests).to.deep.equal([]);
  });

  it('imports a deb again of which only one ref is there', async () => {
    await importAll();
    await execa('ostree', ['refs', `--repo=${repo}`, '--delete', `dpkg/control/${debs[0]?.sha256}`]);
    expect(await importAll()).to.include({ imported: 1, cached: 3 });
    expect(await refs()).to.deep.equal(bothRefs(debs));
  });

  it('makes no ref for a deb that is not the pinned one, and says which', async () => {
    const [wrong] = debs as [MadeDeb];
    const other = Buffer.from(wrong.bytes);
    other[other.length - 1] = (other[other.length - 1] ?? 0) ^ 1;
    server.serve(wrong, other);
    const error = await errorOf(importAll({ packages: [wrong] }));
    expect(error.code).to.equal('E_DEB_CHECKSUM');
    expect(error.message).to.contain('odd 1.0 armhf').and.to.contain(wrong.sha256);
    expect(await refs()).to.deep.equal([]);
    server.serve(wrong);
    expect(await importAll()).to.include({ imported: 4 });
  });

  it('makes no ref for a deb that is too short, too long, or a page of HTML', async () => {
    const [deb] = debs as [MadeDeb];
    const page = Buffer.from('<html><body>Please log in</body></html>');
    for (const bytes of [deb.bytes.subarray(0, -1), Buffer.concat([deb.bytes, page]), page]) {
      server.serve(deb, bytes);
      expect((await errorOf(importAll({ packages: [deb] }))).code).to.equal('E_DEB_CHECKSUM');
    }
    expect(await refs()).to.deep.equal([]);
  });

  it('goes on with a download that broke off', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    server.cut(big, 1_500_000);
    await importAll();
    expect(server.requests.filter((name) => name === big.filename)).to.have.length(2);
    expect(await refs()).to.deep.equal(bothRefs(debs));
  });

  it('begins again when the file changed while its download was broken off', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    server.cut({ ...big, bytes: randomBytes(big.size) }, 1_500_000, () => server.serve(big));
    expect(await importAll()).to.include({ imported: 4 });
    expect(server.requests.filter((name) => name === big.filename)).to.have.length(3);
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('reads debs from files of this machine', async () => {
    const files = new Map(
      debs.map((deb, index) => [deb.filename, index % 2 ? deb.file : pathToFileURL(deb.file).href]),
    );
    const candidates = (filename: string) => ['/nowhere.deb', files.get(filename) ?? ''];
    const signal = new AbortController().signal;
    await importDebs({ toolbox, repo, packages: debs, candidates, progress: silent, signal });
    expect(await refs()).to.deep.equal(bothRefs(debs));
  });

  it('keeps what was finished when one deb fails', async () => {
    const [gone, ...others] = debs as [MadeDeb, ...MadeDeb[]];
    await importAll({ packages: others });
    const error = await errorOf(importAll({ packages: [{ ...gone, filename: 'pool/gone.deb' }, ...others] }));
    expect(error.code).to.equal('E_FETCH_GONE');
    expect(await refs()).to.deep.equal(bothRefs(others));
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('leaves no ref of what was at work when it is interrupted, and goes on the next time', async () => {
    const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
    const stop = new AbortController();
    const started = server.hang(big, 2_000_000);
    const work = errorOf(importAll({ signal: stop.signal }));
    await started;
    await pause(200);
    stop.abort();
    expect((await work).code).to.equal('E_INTERRUPTED');
    expect(await refs()).to.not.include.members([`dpkg/data/${big.sha256}`]);
    server.serve(big);
    await importAll();
    expect(await refs()).to.deep.equal(bothRefs(debs));
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('makes no ref before the whole deb has come, though its files have', async () => {
    const small = await makeDeb({ name: 'small', files: { 'usr/a': 'a' }, compression: 'none' });
    const signature = Buffer.from(`${'_sig'.padEnd(16)}0           0     0     100644  2         \`\nok`);
    const bytes = Buffer.concat([small.bytes, signature]);
    let refsBefore: string[] | undefined;
    async function* late() {
      yield small.bytes;
      await pause(500);
      refsBefore = await refs();
      yield signature;
    }
    const writer = await ObjectWriter.open(toolbox, { repo, directory: 'late' });
    const deb = { ...small, ...entryFor(bytes, 'small') };
    await importDeb(deb, late(), writer);
    await writer.close();
    expect(refsBefore).to.deep.equal([]);
    expect(await refs()).to.deep.equal(bothRefs([deb]));
  });

  it('takes back what it had written when the machine went down before it was on the disk', async () => {
    const [first, second] = debs as [MadeDeb, MadeDeb];
    await importAll({ packages: [first] });
    expect(await readdir(path.dirname(repo)), 'a mark after a whole import').to.not.include('repo.unsynced');
    await toolbox.run(commitArgv([`ref=dpkg/data/${first.sha256}`], { repo, ref: 'panel/armhf', subject: 'kept' }));
    await writeFile(markOf(repo), 'another boot\n');
    await pause(50);
    const tar = path.join(root, 'cut-off.tar');
    await execa('dpkg-deb', ['--fsys-tarfile', second.file], { stdout: { file: tar } });
    for (const ref of bothRefs([second]))
      await toolbox.run(commitArgv([`tar=${tar}`], { repo, ref, subject: 'cut off', durable: false }));
    await emptyFiles(path.join(repo, 'objects'), markOf(repo));
    await writeFile(path.join(repo, 'refs/heads', `dpkg/data/${second.sha256}`), '');
    expect(await importAll()).to.include({ imported: 4 });
    expect(await refs()).to.deep.equal([...bothRefs(debs), 'panel/armhf']);
    await execa('ostree', ['fsck', `--repo=${repo}`]);
  });

  it('says that the disk is full, makes no ref then, and goes on when there is space', async () => {
    const mounted = path.join(root, '.lockstep/full');
    await mkdir(mounted);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=70m', 'lockstep-full', mounted]);
    try {
      const there = path.join(mounted, 'repo');
      await ensureRepo(toolbox, there, 'bare');
      const error = await errorOf(importAll({ repo: there }));
      expect(error.code).to.equal('E_DISK_FULL');
      const big = debs.find((deb) => deb.package === 'large') as MadeDeb;
      expect(await refs(there)).to.not.include(`dpkg/data/${big.sha256}`);
      await execa('mount', ['-o', 'remount,size=200m', mounted]);
      await importAll({ repo: there });
      expect(await refs(there)).to.deep.equal(bothRefs(debs));
      await execa('ostree', ['fsck', `--repo=${there}`]);
    } finally {
      await execa('umount', [mounted]);
    }
  });
});

/** Does to the files that are newer than `mark` what a power cut does to those that are not yet on the disk. */
async function emptyFiles(dir: string, mark: string): Promise<void> {
  const { stdout } = await execa('find', [dir, '-type', 'f', '-cnewer', mark]);
  const files = stdout.split('\n').filter(Boolean);
  expect(files).to.not.deep.equal([]);
  for (const file of files) await truncate(file);
}

/** Names, owners, modes and links of every kind, on both sides of the merge of /usr. */
function odd(): Promise<MadeDeb> {
  const fill = async (root: string) => {
    const at = (name: string) => path.join(root, name);
    for (const dir of ['bin', 'lib/arm', 'usr/lib', 'opt/ärger', `opt/${'long/'.repeat(60)}`, 'var/mail'])
      await mkdir(at(dir), { recursive: true });
    await writeFile(at('bin/tool'), 'tool\n', { mode: 0o755 });
    await link(at('bin/tool'), at('bin/hard'));
    await symlink('tool', at('bin/soft'));
    await symlink('../etc/odd', at('lib/arm/relative'));
    await symlink('/lib/arm/nowhere', at('usr/lib/absolute'));
    await writeFile(at('usr/lib/setuid'), '', { mode: 0o755 });
    await chown(at('usr/lib/setuid'), 0, 42);
    await chmod(at('usr/lib/setuid'), 0o6755);
    await chown(at('var/mail'), 0, 8);
    await chmod(at('var/mail'), 0o2775);
    await writeFile(at('opt/ärger/名前 with space'), 'utf-8');
    await writeFile(at(`opt/${'long/'.repeat(60)}end`), 'deep');
    await writeFile(at('opt/secret'), 'secret');
    await chmod(at('opt/secret'), 0);
    await writeFile(at('opt/owned'), 'owned');
    await chown(at('opt/owned'), 12345, 54321);
  };
  const control = { postinst: '#!/bin/sh\n', conffiles: '/etc/odd\n', triggers: 'interest-noawait /usr/odd\n' };
  return makeDeb({ name: 'odd', files: { 'etc/odd': 'conf' }, fill, control, compression: 'xz', keepOwners: true });
}

const multiArch = () =>
  makeDeb({
    name: 'multi',
    fields: 'Multi-Arch: same\n',
    files: { 'usr/lib/arm/multi.so': 'so', 'lib/arm/m': 'm' },
    control: { md5sums: 'given  usr/lib/arm/multi.so\n', shlibs: 'multi 1 multi\n' },
    compression: 'zstd',
  });

const bare = () => makeDeb({ name: 'bare', compression: 'none' });

const large = () =>
  makeDeb({ name: 'large', files: { 'usr/share/large': randomBytes(20_000_000) }, compression: 'gzip' });

async function mergeUsr(root: string): Promise<void> {
  for (const name of ['bin', 'lib']) {
    const from = path.join(root, name);
    if (!(await readdir(root)).includes(name)) continue;
    const to = path.join(root, 'usr', name);
    await mkdir(path.dirname(to), { recursive: true });
    if (await readdir(to).catch(() => null)) {
      await execa('cp', ['-a', `${from}/.`, to]);
      await rm(from, { recursive: true });
    } else await rename(from, to);
  }
}

/** The info directory of a root into which real dpkg has unpacked a deb, without what is not the deb's. */
async function unpackedBy(deb: MadeDeb): Promise<string> {
  const root = await temporaryDirectory('unpacked');
  await mkdir(path.join(root, 'var/lib/dpkg'), { recursive: true });
  await execa('dpkg', [`--root=${root}`, '--force-architecture', '--unpack', deb.file]);
  const info = path.join(await temporaryDirectory('info'), 'info');
  await cp(path.join(root, 'var/lib/dpkg/info'), info, { recursive: true, preserveTimestamps: true });
  await rm(path.join(info, 'format'));
  return info;
}
