import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { MadeDeb } from '../deb/debs.ts';
import { commandLinesDuring } from './command-lines.ts';
import { DebServer } from './deb-server.ts';
import { FileServer, stallingServer } from './file-server.ts';
import { bothRefs } from './import-site.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { lockstepFrom, type TinyAnswer, type TinyHow, tinyDebs, tinyProject, untilMerge } from './tiny-project.ts';

const commitOf = ({ outcome }: TinyAnswer) => (outcome.images as { commit: string }[])[0]?.commit;

describe('a cache that build repositories share', function () {
  this.timeout(180_000);
  let debs: MadeDeb[];
  let mirror: DebServer;
  let shared: string;
  let first: { dir: string; answer: TinyAnswer };

  const mirrorUrl = () => mirror.candidates('')[0]?.replace(/\/$/, '') ?? '';
  const nodeWith = async (cache: object) => tinyProject(debs, { mirror: mirrorUrl() }, { cache });
  const record = (dir: string) => path.join(dir, 'tiny.trees');

  /** A project as another node clones it: with the record. */
  async function cloneWith(cache: object): Promise<string> {
    const dir = await nodeWith(cache);
    await writeFile(record(dir), await readFile(record(first.dir)));
    return dir;
  }

  async function built(dir: string, how: TinyHow = {}): Promise<TinyAnswer> {
    mirror.requests.length = 0;
    const answer = await lockstepFrom(dir, untilMerge, how);
    expect(answer.exitCode, answer.stderr).to.equal(0);
    expect((await ostree(dir, 'refs', '--list', 'dpkg')).split('\n').sort()).to.deep.equal(bothRefs(debs));
    await ostree(dir, 'fsck');
    return answer;
  }

  before(async () => {
    debs = await tinyDebs(5);
    mirror = await DebServer.open();
    for (const deb of debs) mirror.serve(deb);
    shared = path.join(await temporaryDirectory('shared'), 'cache');
    const dir = await nodeWith({ remote: shared, push: true });
    first = { dir, answer: await built(dir) };
  });
  after(() => mirror.close());

  it('gets the debs that a node imported, and a record of them is written beside the lockfile', async () => {
    const { stdout } = await execa('ostree', ['refs', `--repo=${shared}`, '--list', 'dpkg']);
    expect(stdout.split('\n').sort()).to.deep.equal(bothRefs(debs));
    await execa('ostree', ['fsck', `--repo=${shared}`]);
    const lines = (await readFile(record(first.dir), 'utf8')).trimEnd().split('\n');
    expect(lines[0]).to.match(/^# lockstep trees 1/);
    expect(lines.slice(1).map((line) => line.split(' ')[3])).to.deep.equal(debs.map((deb) => deb.package));
  });

  for (const where of ['a path', 'a URL']) {
    it(`gives another node at ${where} all debs, of which the mirror is not asked for one`, async () => {
      const server = await FileServer.open(shared);
      const dir = await cloneWith({ remote: where === 'a URL' ? server.url : shared });
      const answer = await built(dir).finally(() => server.close());
      expect(mirror.requests).to.deep.equal([]);
      expect(commitOf(answer)).to.equal(commitOf(first.answer));
      expect(await readFile(record(dir))).to.deep.equal(await readFile(record(first.dir)));
    });
  }

  it('gives diff --fetch the debs too, and is not changed by it, nor is the record', async () => {
    const dir = await cloneWith({ remote: shared, push: true });
    const before = path.join(dir, 'before.lock');
    const text = await readFile(path.join(dir, 'tiny.lock'), 'utf8');
    await writeFile(before, text.replaceAll('Version: 1.0\n', 'Version: 0.9\n'));
    const records = [await readFile(record(dir), 'utf8'), text];
    const fetched = () => lockstepFrom(dir, ['diff', before, 'tiny.lock', '--fetch', '--image', 'tiny']);
    mirror.requests.length = 0;
    const { exitCode, stderr } = await fetched();
    expect([exitCode, mirror.requests], stderr).to.deep.equal([0, []]);
    expect((await ostree(dir, 'refs', '--list', 'dpkg')).split('\n').sort()).to.deep.equal(bothRefs(debs));
    expect([await readFile(record(dir), 'utf8'), await readFile(path.join(dir, 'tiny.lock'), 'utf8')]).to.deep.equal(
      records,
    );
    await rm(path.join(dir, '.lockstep/repo'), { recursive: true });
    await writeFile(record(dir), `<<<<<<< ours\n${records[0]}`);
    const without = await fetched();
    expect([without.exitCode, mirror.requests.length], without.stderr).to.deep.equal([0, debs.length]);
    expect(without.stderr).to.match(/goes on without the cache: .*tiny\.trees:1/);
  });

  it('is seen by the builder container, to be read and written', async () => {
    const remote = path.join(await temporaryDirectory('mounted'), 'cache');
    await built(await cloneWith({ remote, push: true }), { toolbox: 'docker' });
    expect((await readdir(path.join(remote, 'refs/heads/dpkg/data'))).length).to.equal(debs.length);
    const answer = await built(await cloneWith({ remote }), { toolbox: 'docker' });
    expect(mirror.requests).to.deep.equal([]);
    expect(commitOf(answer)).to.equal(commitOf(first.answer));
  });

  it('shows a password in its URL to the server alone', async () => {
    const expected = `Basic ${Buffer.from('user:a-password').toString('base64')}`;
    const server = await FileServer.open(shared, (_, response) => {
      if (response.req.headers.authorization === expected) return false;
      response.writeHead(401).end();
      return true;
    });
    const dir = await cloneWith({ remote: server.url.replace('//', '//user:a-password@') });
    const building = built(dir);
    const lines = [...(await commandLinesDuring(building))];
    const { stderr } = await building.finally(() => server.close());
    expect(mirror.requests).to.deep.equal([]);
    expect(lines.some((line) => line.includes('ostree pull'))).to.equal(true);
    const config = await readFile(path.join(dir, '.lockstep/repo/config'), 'utf8');
    for (const text of [...lines, stderr, config]) expect(text).not.to.contain('a-password');
  });

  it('gives nothing that the record does not vouch for', async () => {
    const dir = await nodeWith({ remote: shared });
    await built(dir);
    expect(mirror.requests).to.have.length(debs.length);
    expect(await readFile(record(dir))).to.deep.equal(await readFile(record(first.dir)));
  });

  it('cannot slip a node another file: what it has got instead is refused, and the mirror asked', async () => {
    const forged = await temporaryDirectory('forged');
    await execa('cp', ['-a', `${shared}/.`, forged]);
    const { stdout } = await execa('find', [`${forged}/objects`, '-name', '*.filez', '-size', '-2']);
    const [one = '', two = ''] = stdout.split('\n');
    await execa('cp', [one, two]);
    const server = await FileServer.open(forged);
    for (const remote of [forged, server.url]) {
      const answer = await built(await cloneWith({ remote }));
      expect(answer.stderr).to.match(/the cache .* fails, goes on without it/);
      expect(mirror.requests).to.have.length(debs.length);
      expect(commitOf(answer)).to.equal(commitOf(first.answer));
    }
    await server.close();
  });

  it('that is down, empty or no repository costs a warning and a bounded time', async () => {
    const page = await FileServer.open(await temporaryDirectory('page'));
    const silent = await FileServer.silent();
    for (const remote of ['http://user:secret@127.0.0.1:1/cache', page.url, silent.url, '/nonexistent/cache']) {
      const started = performance.now();
      const answer = await built(await cloneWith({ remote }));
      expect(answer.stderr).to.match(/the cache .* fails, goes on without it/);
      expect(answer.stderr).not.to.contain('secret');
      expect(commitOf(answer)).to.equal(commitOf(first.answer));
      expect(performance.now() - started).to.be.below(30_000);
    }
    await Promise.all([page.close(), silent.close()]);
  });

  it('that is asked when the build is killed leaves nothing that the next build stumbles over', async () => {
    const { url, stalled, close } = await stallingServer(shared);
    const dir = await cloneWith({ remote: url });
    const killed = lockstepFrom(dir, untilMerge).catch(() => null);
    await stalled;
    const { pid } = JSON.parse(await readFile(path.join(dir, '.lockstep/lock'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await killed;
    await close();
    const marks = await readdir(path.join(dir, '.lockstep/repo/state'));
    expect(marks.some((name) => name.endsWith('.commitpartial'))).to.equal(true);
    const answer = await built(dir);
    expect(commitOf(answer)).to.equal(commitOf(first.answer));
    expect(mirror.requests).to.have.length(debs.length);
    expect(await readdir(path.join(dir, '.lockstep/repo/state'))).to.deep.equal([]);
  });

  it('that cannot be written costs a warning, and gets what it lacks the next time', async () => {
    const place = await temporaryDirectory('taken');
    const remote = path.join(place, 'cache');
    await writeFile(remote, 'a file');
    const dir = await cloneWith({ remote, push: true });
    expect((await built(dir)).stderr).to.contain('nothing is put there');
    await rm(remote);
    await built(dir);
    expect(existsSync(path.join(remote, 'config'))).to.equal(true);
    expect((await readdir(path.join(remote, 'refs/heads/dpkg/data'))).sort()).to.deep.equal(
      debs.map(({ sha256 }) => sha256).sort(),
    );
  });

  it('refuses a record whose trees are not those of the debs', async () => {
    const dir = await nodeWith({ remote: '/nonexistent/cache' });
    const [, one = '', two = '', ...rest] = (await readFile(record(first.dir), 'utf8')).split('\n');
    const swapped = [one.slice(0, 64) + two.slice(64), two, ...rest].join('\n');
    await writeFile(record(dir), swapped);
    const { exitCode, outcome } = await lockstepFrom(dir, untilMerge);
    expect(exitCode).to.equal(1);
    expect(outcome.code).to.equal('E_TREE_RECORD');
    expect(outcome.message).to.contain('tiny0 1.0 armhf');
  });
});
