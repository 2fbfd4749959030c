import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ContentReader } from '../../src/ostree/content-reader.ts';
import { contentReaderScript } from '../../src/ostree/content-reader-script.ts';
import { type Pack, Packs } from '../../src/ostree/packs.ts';
import { refusal } from '../refusal.ts';

describe('the layout of a pack', function () {
  this.timeout(20_000);
  let dir: string;
  let repo: string;
  let commit: string;
  const readers: ContentReader[] = [];
  const ostree = (at: string, ...args: string[]) =>
    execFileSync('ostree', [`--repo=${at}`, ...args], { encoding: 'utf8' }).trim();

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-pack-'));
    repo = path.join(dir, 'repo');
    ostree(repo, 'init', '--mode=bare');
    const tree = path.join(dir, 'tree');
    await mkdir(path.join(tree, 'empty-directory'), { recursive: true });
    for (let each = 0; each < 300; each++) await writeFile(path.join(tree, `${each}`), `${each}`.repeat(each * 50));
    await writeFile(path.join(tree, 'empty'), '');
    await writeFile(path.join(tree, 'long'), randomBytes(3_000_000), { mode: 0o755 });
    execFileSync('ln', ['-s', 'ünder/../name', path.join(tree, 'link')]);
    commit = ostree(repo, 'commit', '--branch=b', '--timestamp=@0', `--tree=dir=${tree}`);
  });
  after(async () => {
    await Promise.all(readers.map((reader) => reader.close()));
    await rm(dir, { recursive: true });
  });

  async function reader(): Promise<ContentReader> {
    const worker = spawn('perl', ['-e', contentReaderScript, repo], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = new Promise<{ exitCode: number; stderr: string }>((resolve) => {
      worker.once('exit', (code) => resolve({ exitCode: code ?? 1, stderr: '' }));
    });
    const { stdin, stdout } = worker;
    readers.push(new ContentReader(repo, { stdin, stdout, exited, kill: () => void worker.kill() }));
    return readers.at(-1)!;
  }

  /** Writes a pack as a static delta of files; returns how many parts it has. */
  async function writeTo(pack: Pack, at: string): Promise<number> {
    await mkdir(at);
    for (let part = -1; ; part++) {
      const name = part < 0 ? 'superblock' : `${part}`;
      const found = pack.find(name);
      if (found === null) return part;
      const file = await open(path.join(at, name), 'w');
      let length = 0;
      for await (const bytes of 'bytes' in found ? [found.bytes] : found.stream()) {
        await file.write(bytes);
        length += bytes.length;
      }
      await file.close();
      if ('size' in found) expect(length).to.equal(found.size);
    }
  }

  it('is a static delta that ostree applies to an empty repository', async () => {
    const pack = await new Packs(path.join(dir, 'packs'), repo, reader).find(commit);
    expect(await writeTo(pack, path.join(dir, 'delta'))).to.be.within(4, 8);
    const device = path.join(dir, 'device');
    ostree(device, 'init', '--mode=bare');
    ostree(device, 'static-delta', 'apply-offline', path.join(dir, 'delta'));
    ostree(device, 'fsck', '--quiet');
    expect(ostree(device, 'ls', '-RCX', commit)).to.equal(ostree(repo, 'ls', '-RCX', commit));
  });

  it('is the same when it is made again, and when it was kept', async () => {
    const made = await new Packs(path.join(dir, 'again'), repo, reader).find(commit);
    const noReader = () => Promise.reject(new Error('nothing needs to be read'));
    const kept = await new Packs(path.join(dir, 'again'), repo, noReader).find(commit);
    expect(kept.superblock).to.equal(made.superblock);
    expect(await readdir(path.join(dir, 'again'))).to.have.length(1);
    await writeTo(kept, path.join(dir, 'kept-delta'));
    execFileSync('diff', ['-r', path.join(dir, 'delta'), path.join(dir, 'kept-delta')]);
  });

  it('is made also where it cannot be kept', async () => {
    await writeFile(path.join(dir, 'no-directory'), '');
    expect((await new Packs(path.join(dir, 'no-directory'), repo, reader).find(commit)).to).to.equal(commit);
  });

  it('is made anew when a byte was added to what was kept', async () => {
    const packs = path.join(dir, 'packs');
    const [name = ''] = await readdir(packs);
    await appendFile(path.join(packs, name), ' ');
    const refused = () => Promise.reject(new Error('read again'));
    const error = await new Packs(packs, repo, refused).find(commit).catch(String);
    expect(error).to.equal('Error: read again');
  });

  it('says which object is missing', async () => {
    const checksum = / ([0-9a-f]{64}) \//.exec(ostree(repo, 'ls', '-C', commit, '/long'))?.[1] ?? '';
    await rm(path.join(repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`));
    const error = await refusal(new Packs(path.join(dir, 'none'), repo, reader).find(commit), 'E_REPO');
    expect(error.message).to.include(checksum);
  });
});
