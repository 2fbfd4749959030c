import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { freePort } from '../../src/device/virtual/machine.ts';
import { report } from './compare.ts';
import type { PushFigures, PushTask } from './push-agent.ts';
import { startSshd } from './sshd.ts';

const library = 'usr/lib/arm-linux-gnueabihf/libcrypto.so.3';
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * Pushes of the built image of a project (`panel/armhf`) through OpenSSH on loopback to repositories of this machine: a whole image beside
 * plain HTTP from an archive repository, an update of one library beside an inline static delta and beside all objects, nothing, and eight
 * devices at once. Needs root and sshd.
 */
export async function benchPush(root: string): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bench-push-'));
  const sshd = await startSshd(dir);
  try {
    const repo = path.join(root, '.lockstep/repo');
    const [old, changed] = [await ostree(repo, 'rev-parse', 'panel/armhf'), await changedLibrary(repo, dir)];
    const push = (commit: string, devices: string[]) => pushed({ root, commit, connection: sshd.connection, devices });

    await benchFirst(dir, root, old, push);
    const device = await newDevice(dir, 'device');
    await push(old, [device]);
    await benchUpdate(dir, repo, old, changed, () => push(changed, [device]));
    const nothing = await push(changed, [device]);
    console.log(`push: nothing to bring: ${nothing.wire} bytes on the wire, ${nothing.seconds.toFixed(2)} s`);

    const eight = await Promise.all(Array.from({ length: 8 }, (_, each) => newDevice(dir, `eight-${each}`)));
    await rm(path.join(root, '.lockstep/archive'), { recursive: true, force: true });
    const size = await contentSize(repo, old);
    const all = await push(old, eight);
    console.log(
      `push: 8 devices at once: ${all.seconds.toFixed(1)} s, memory ${megabytes(all.memory)}, ` +
        `read from the disk ${megabytes(all.readFromDisk)} for an image of ${megabytes(size)}`,
    );
  } finally {
    sshd.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function benchFirst(
  dir: string,
  root: string,
  commit: string,
  push: (commit: string, devices: string[]) => Promise<PushFigures>,
): Promise<void> {
  await rm(path.join(root, '.lockstep/archive'), { recursive: true, force: true });
  const cold = await push(commit, [await newDevice(dir, 'first')]);
  const [ours, theirs]: [number[], number[]] = [[], []];
  const archive = path.join(dir, 'archive');
  const made = await archiveOf(path.join(root, '.lockstep/repo'), commit, archive);
  for (let run = 0; run < 3; run++) {
    ours.push((await push(commit, [await newDevice(dir, `ours-${run}`)])).seconds);
    theirs.push(await plainPull(archive, commit, await newDevice(dir, `theirs-${run}`)));
  }
  report('push: whole image', ours, 'ostree pull, plain HTTP', theirs);
  const whole = theirs.map((seconds) => made + seconds);
  report('push: whole image, for the first time', [cold.seconds], 'archive made, ostree pull', whole);
  report('the same', [cold.seconds], 'ostree pull from an archive that was there', theirs);
}

/** Makes the archive repository that plain HTTP needs, fast rather than small; returns how many seconds it took. */
async function archiveOf(repo: string, commit: string, archive: string): Promise<number> {
  const started = performance.now();
  await execa('ostree', ['init', `--repo=${archive}`, '--mode=archive']);
  await ostree(archive, 'config', 'set', 'archive.zlib-level', '1');
  await ostree(archive, 'pull-local', repo, commit);
  return (performance.now() - started) / 1000;
}

async function benchUpdate(
  dir: string,
  repo: string,
  old: string,
  changed: string,
  push: () => Promise<PushFigures>,
): Promise<void> {
  const file = path.join(dir, 'inline');
  await ostree(repo, 'static-delta', 'generate', '--inline', `--from=${old}`, `--to=${changed}`, `--filename=${file}`);
  const inline = (await stat(file)).size;
  const { wire, seconds } = await push();
  const whole = await allObjects(dir, repo, changed);
  const ratio = (of: number) => (wire / of).toFixed(3);
  console.log(`push: one library changed: ${wire} bytes on the wire, ${seconds.toFixed(1)} s, the delta made in it`);
  console.log(
    `  inline static delta ${inline} bytes: ratio ${ratio(inline)}; all objects ${whole} bytes: ratio ${ratio(whole)}`,
  );
}

/** What all objects of a commit take in an archive repository. */
async function allObjects(dir: string, repo: string, commit: string): Promise<number> {
  const archive = path.join(dir, 'archive');
  await ostree(archive, 'pull-local', repo, commit);
  const { stdout } = await execa('du', ['-sb', `${archive}/objects`]);
  return Number(stdout.split('\t')[0]);
}

/** A commit in which a tenth of a library is another, in runs, as after a security update. */
async function changedLibrary(repo: string, dir: string): Promise<string> {
  const tree = path.join(dir, 'tree');
  await mkdir(path.dirname(path.join(tree, library)), { recursive: true });
  await ostree(repo, 'checkout', '-U', `--subpath=/${library}`, 'panel/armhf', `${dir}/checked-out`);
  const bytes = Buffer.from(await readFile(path.join(dir, 'checked-out', path.basename(library))));
  // The same ones every time.
  let seed = 1;
  for (let at = 0; at < bytes.length; at += 2000) {
    for (let each = at; each < Math.min(at + 200, bytes.length); each++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      bytes[each] = seed >> 16;
    }
  }
  await writeFile(path.join(tree, library), bytes);
  const owner = ['--owner-uid=0', '--owner-gid=0', '--no-bindings', '--orphan', '--timestamp=@0'];
  return ostree(repo, 'commit', ...owner, '--tree=ref=panel/armhf', `--tree=dir=${tree}`);
}

async function newDevice(dir: string, name: string): Promise<string> {
  const device = path.join(dir, name);
  await mkdir(device);
  await execa('ostree', ['init', `--repo=${device}/repo`, '--mode=bare']);
  return device;
}

/** Seconds of `ostree pull` from a server that does nothing but send files. */
async function plainPull(archive: string, commit: string, device: string): Promise<number> {
  const port = await freePort();
  const server = spawn('node', [path.join(import.meta.dirname, 'plain-http.mjs'), archive, String(port)]);
  try {
    await sleep(500);
    await ostree(`${device}/repo`, 'remote', 'add', '--no-gpg-verify', 'peer', `http://127.0.0.1:${port}/`);
    const started = performance.now();
    await ostree(`${device}/repo`, 'pull', 'peer', commit);
    return (performance.now() - started) / 1000;
  } finally {
    server.kill();
  }
}

async function contentSize(repo: string, commit: string): Promise<number> {
  const listed = await ostree(repo, 'ls', '-R', commit);
  return listed.split('\n').reduce((sum, line) => sum + Number(/^-\d+ \d+ \d+ +(\d+)/.exec(line)?.[1] ?? 0), 0);
}

async function pushed(task: PushTask): Promise<PushFigures> {
  const agent = path.join(import.meta.dirname, 'push-agent.ts');
  const { stdout } = await execa('node', ['--import', 'tsx', agent, JSON.stringify(task)], { stdin: 'ignore' });
  return JSON.parse(stdout);
}

async function ostree(repo: string, ...args: string[]): Promise<string> {
  return (await execa('ostree', [`--repo=${repo}`, ...args], { maxBuffer: 1e8 })).stdout;
}
