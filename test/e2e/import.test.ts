import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import type { Imported } from '../../src/image/import/import.ts';
import { commitArgv } from '../../src/ostree/commit.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import { errorOf, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { bothRefs, ImportSite, sampleDebs } from './import-site.ts';
import { importWhole } from './import-whole.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';
import { describeTree } from './tree.ts';

describe('the import of debs', function () {
  this.timeout(120_000);
  let debs: MadeDeb[];
  let site: ImportSite;

  before(async () => {
    debs = await sampleDebs();
  });
  beforeEach(async () => {
    site = await ImportSite.open(debs);
  });
  afterEach(() => site.close());

  it('commits of each deb what dpkg-deb extracts, on a merged system', async () => {
    const bytes = debs.reduce((sum, { size }) => sum + size, 0);
    const all: Imported = { imported: 4, cached: 0, bytes, reused: false };
    expect(await site.import()).to.deep.equal(all);
    for (const deb of debs) {
      const expected = path.join(await temporaryDirectory('extracted'), 'root');
      await execa('dpkg-deb', ['-x', deb.file, expected]);
      await mergeUsr(expected);
      const committed = await site.checkout(`dpkg/data/${deb.sha256}`);
      expect([...(await describeTree(committed)).values()], deb.package).to.have.deep.members([
        ...(await describeTree(expected)).values(),
      ]);
    }
  });

  it("writes of dpkg's database what dpkg --unpack writes", async () => {
    await site.import();
    for (const deb of debs) {
      const real = await unpackedBy(deb);
      const committed = path.join(await site.checkout(`dpkg/control/${deb.sha256}`), 'var/lib/dpkg/info');
      expect([...(await describeTree(committed)).values()], deb.package).to.have.deep.members([
        ...(await describeTree(real)).values(),
      ]);
    }
  });

  it('makes refs that a plain merge lays over each other', async () => {
    await site.import();
    const trees = bothRefs(debs).map((ref) => `ref=${ref}`);
    await site.toolbox.run(commitArgv(trees, { repo: site.repo, ref: 'merged', subject: 'merged' }));
    const merged = await site.checkout('merged');
    const lists = (await readdir(path.join(merged, 'var/lib/dpkg/info'))).filter((name) => name.endsWith('.list'));
    expect(lists).to.have.members(['bare.list', 'large.list', 'multi:armhf.list', 'odd.list']);
    expect(await readdir(path.join(merged, 'var/lib/dpkg/lockstep'))).to.include('multi_armhf.control');
    expect(await readFile(path.join(merged, 'usr/bin/tool'), 'utf8')).to.equal('tool\n');
    await execa('ostree', ['fsck', `--repo=${site.repo}`]);
  });

  it('makes the same commits in both toolboxes', async function () {
    this.timeout(15 * 60_000);
    await site.import();
    const commits = () =>
      Promise.all(bothRefs(debs).map((ref) => readFile(path.join(site.repo, 'refs/heads', ref), 'utf8')));
    const onHost = await commits();
    await rm(site.repo, { recursive: true });
    const docker = await openFor(site.root, 'docker');
    try {
      await ensureRepo(docker, site.repo, 'bare');
      expect(await site.import({ in: docker })).to.include({ imported: 4 });
      expect(await commits()).to.deep.equal(onHost);
      await execa('ostree', ['fsck', `--repo=${site.repo}`]);
    } finally {
      await docker.close();
    }
  });

  it('asks for nothing that is there already', async () => {
    await site.import({ packages: debs.slice(0, 2) });
    site.server.requests.length = 0;
    expect(await site.import()).to.include({ imported: 2, cached: 2 });
    expect(site.server.requests).to.have.members(debs.slice(2).map(({ filename }) => filename));
    site.server.requests.length = 0;
    expect(await site.import()).to.deep.equal({ imported: 0, cached: 4, bytes: 0, reused: true });
    expect(site.server.requests).to.deep.equal([]);
  });

  it('imports a deb again of which only one ref is there', async () => {
    await site.import();
    await execa('ostree', ['refs', `--repo=${site.repo}`, '--delete', `dpkg/control/${debs[0]?.sha256}`]);
    expect(await site.import()).to.include({ imported: 1, cached: 3 });
    expect(await site.refs()).to.deep.equal(bothRefs(debs));
  });

  it('reads debs from files of this machine', async () => {
    const files = new Map(
      debs.map((deb, index) => [deb.filename, index % 2 ? deb.file : pathToFileURL(deb.file).href]),
    );
    const candidates = (filename: string) => ['/nowhere.deb', files.get(filename) ?? ''];
    const signal = new AbortController().signal;
    await importWhole({ toolbox: site.toolbox, repo: site.repo, packages: debs, candidates, progress: silent, signal });
    expect(await site.refs()).to.deep.equal(bothRefs(debs));
  });

  it('works on four debs at once', async () => {
    const five = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => makeDeb({ name })));
    const stop = new AbortController();
    const begun = five.map((deb) => site.server.hang(deb, 50));
    const work = errorOf(site.import({ packages: five, signal: stop.signal }));
    await reached(4, begun);
    await pause(200);
    expect(site.server.requests).to.have.length(4);
    stop.abort();
    expect((await work).code).to.equal('E_INTERRUPTED');
  });
});

/** Resolves when so many have, whichever they are. */
function reached(count: number, all: readonly Promise<void>[]): Promise<void> {
  let left = count;
  return new Promise((resolve) => {
    for (const one of all) {
      one.then(() => {
        left -= 1;
        if (left === 0) resolve();
      });
    }
  });
}

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
