import { readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { dataRef } from '../../src/image/import/import-deb.ts';
import { findDamage, refsOf } from '../../src/image/repair/damage.ts';
import { healing } from '../../src/image/repair/healing.ts';
import { commitArgv } from '../../src/ostree/commit.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { importWhole } from './import-whole.ts';
import { lockstepOk } from './lockstep.ts';
import { ostree, projectWith, resolve, temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

/** Objects below a repository that the refs name, by the end of their names. */
async function objectsOf(repo: string, ref: string, kind: 'file' | 'dirtree'): Promise<string[]> {
  const { stdout } = await execa('ostree', [`--repo=${repo}`, 'ls', '-RC', ref]);
  const lines = stdout.split('\n').filter((line) => (kind === 'file' ? line.startsWith('-') : line.startsWith('d')));
  const checksums = lines.map((line) => /\b[0-9a-f]{64}\b/.exec(line)?.[0] ?? '');
  return checksums.map((checksum) => path.join(repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.${kind}`));
}

/** Does what a failing disk does: other bytes, the same length and times. */
async function flip(file: string): Promise<void> {
  const { atime, mtime } = await stat(file);
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
  await utimes(file, atime, mtime);
}

describe('a repository with damaged objects', function () {
  this.timeout(60_000);
  let repo: string;
  let toolbox: Toolbox;
  let server: DebServer;
  let debs: MadeDeb[];
  const signal = new AbortController().signal;

  before(async () => {
    const shared = { 'usr/share/shared': 'in both\n', 'usr/share/doc/empty': '' };
    debs = await Promise.all([
      makeDeb({ name: 'one', files: { 'usr/one/file': 'one\n', 'usr/one/other': 'two\n' } }),
      makeDeb({ name: 'two', files: { 'usr/two/file': 'second\n', 'etc/two': 'conf', ...shared } }),
      makeDeb({ name: 'three', files: { 'usr/three/file': 'third\n', ...shared } }),
    ]);
  });

  beforeEach(async () => {
    const root = await temporaryDirectory('damage');
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

  const importAll = (packages: readonly MadeDeb[] = debs) =>
    importWhole({
      toolbox,
      repo,
      packages,
      candidates: server.candidates,
      proxy: () => null,
      progress: silent,
      signal,
    });
  const damaged = async () => {
    const { refs } = await findDamage(toolbox, repo, refsOf(debs));
    return debs.filter((deb) => refsOf([deb]).some((ref) => refs.has(ref))).map((deb) => deb.package);
  };
  const mergeAll = async () => {
    const trees = refsOf(debs).map((ref) => `ref=${ref}`);
    await importAll();
    await toolbox.run(commitArgv(trees, { repo, ref: 'merged', subject: 'merged' }));
    await toolbox.run(['ostree', 'checkout', `--repo=${repo}`, '--force-copy', '--union', 'merged', `${repo}.out`]);
  };

  it('is found sound when it is', async () => {
    await importAll();
    expect(await damaged()).to.deep.equal([]);
  });

  const injuries: [what: string, injure: (deb: MadeDeb) => Promise<unknown>][] = [
    ['another byte in a file', async (deb) => flip((await objectsOf(repo, dataRef(deb), 'file'))[0] ?? '')],
    ['a file that is gone', async (deb) => rm((await objectsOf(repo, dataRef(deb), 'file'))[0] ?? '')],
    ['a file cut off', async (deb) => truncate((await objectsOf(repo, dataRef(deb), 'file'))[0] ?? '')],
    [
      'another mode of a file',
      async (deb) => execa('chmod', ['600', (await objectsOf(repo, dataRef(deb), 'file'))[0] ?? '']),
    ],
    ['another byte in a directory', async (deb) => flip((await objectsOf(repo, dataRef(deb), 'dirtree'))[1] ?? '')],
    ['a directory that is gone', async (deb) => rm((await objectsOf(repo, dataRef(deb), 'dirtree'))[1] ?? '')],
    ['a commit that is gone', async (deb) => rm(await commitObject(repo, deb))],
    ['a ref that is no checksum', async (deb) => writeFile(path.join(repo, 'refs/heads', dataRef(deb)), '')],
  ];
  for (const [what, injure] of injuries) {
    it(`is healed of ${what}, by importing that deb anew and no other`, async () => {
      await importAll();
      const [first] = debs as [MadeDeb];
      await injure(first);
      expect(await damaged()).to.deep.equal(['one']);
      server.requests.length = 0;
      let tries = 0;
      await healing({ toolbox, repo, progress: silent, signal }, debs, async () => {
        tries += 1;
        await mergeAll();
        // What nothing notices by itself, the reading beside the stages does.
        if ((await damaged()).length > 0) throw new RangeError('found');
      });
      expect(tries).to.equal(2);
      expect(server.requests).to.deep.equal([first.filename]);
      await execa('ostree', ['fsck', `--repo=${repo}`]);
    });
  }

  it('is not read when the failure is another', async () => {
    await importAll();
    const failure = new Error('something else');
    let tries = 0;
    const work = async () => {
      tries += 1;
      throw failure;
    };
    const caught = await healing({ toolbox, repo, progress: silent, signal }, debs, work).catch((error) => error);
    expect([caught, tries]).to.deep.equal([failure, 1]);
  });

  it('gets whole again where a new deb brings the bytes of an object that was cut off', async () => {
    const [, two, three] = debs as [MadeDeb, MadeDeb, MadeDeb];
    await importAll([two]);
    for (const file of await objectsOf(repo, dataRef(two), 'file')) await truncate(file);
    await importAll([three]);
    await execa('ostree', [`--repo=${repo}`, 'refs', '--delete', dataRef(two)]);
    await importAll([two]);
    expect(await damaged()).to.deep.equal([]);
  });
});

async function commitObject(repo: string, deb: MadeDeb): Promise<string> {
  const commit = (await readFile(path.join(repo, 'refs/heads', dataRef(deb)), 'utf8')).trim();
  return path.join(repo, 'objects', commit.slice(0, 2), `${commit.slice(2)}.commit`);
}

describe('a build from a repository with damaged objects', function () {
  this.timeout(10 * 60_000);
  const yaml = 'images: {tiny: {arch: amd64, suites: [bookworm, bookworm-updates], packages: [adduser]}}\n';
  let dir: string;
  let repo: string;
  let commit: string;

  before(async () => {
    dir = await projectWith('healing', yaml);
    repo = path.join(dir, '.lockstep/repo');
    await resolve(dir, '--toolbox', 'host');
    commit = await build();
  });

  async function build(): Promise<string> {
    const outcome = (await lockstepOk(dir, ['build', '--toolbox', 'host'])) as unknown as {
      images: { commit: string }[];
    };
    return outcome.images[0]?.commit ?? '';
  }

  it('makes the same commit though files and directories of its debs are damaged', async () => {
    const { stdout } = await execa('ostree', [`--repo=${repo}`, 'refs', '--list', 'dpkg/data']);
    const [first = '', second = '', third = ''] = stdout.split('\n').sort();
    await flip((await objectsOf(repo, first, 'file')).at(-1) ?? '');
    await rm((await objectsOf(repo, second, 'file')).at(-1) ?? '');
    await rm((await objectsOf(repo, third, 'dirtree')).at(-1) ?? '');
    await rm(path.join(repo, 'refs/heads/lockstep'), { recursive: true });
    expect(await build()).to.equal(commit);
    await ostree(dir, 'fsck', '--quiet');
  });

  it('makes the same commit though a stage that it reuses is damaged', async () => {
    const configured = await readdir(path.join(repo, 'refs/heads/lockstep/configured'));
    for (const file of await objectsOf(repo, `lockstep/configured/${configured[0]}`, 'file')) {
      if ((await readFile(file, 'latin1')).startsWith('root:x:0:')) await flip(file);
    }
    await rm(path.join(repo, 'refs/heads/lockstep/deployable'), { recursive: true });
    expect(await build()).to.equal(commit);
    await ostree(dir, 'fsck', '--quiet');
  });
});
