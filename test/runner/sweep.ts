import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** What may end by itself once the tests have: agents, and what they hold. */
const graceMs = 3_000;

/**
 * Takes away what tests have left in a directory, or of it: processes, containers, mounts, then the directory itself.
 * Returns what there was that should not have been there; a test that was killed could not see to it.
 */
export async function sweep(directory: string): Promise<string[]> {
  const processes = await endProcesses(directory);
  const containers = await removeContainers(directory);
  const mounts = await unmount(directory);
  const left = [...processes, ...containers, ...mounts];
  const still = await mountsIn(directory);
  // What is mounted there may be a part of this machine.
  if (still.length > 0) return [...left, `not removed, as something is still mounted: ${still.join(', ')}`];
  await execa('rm', ['--recursive', '--force', '--one-file-system', directory], { reject: false });
  return left;
}

async function endProcesses(directory: string): Promise<string[]> {
  for (const deadline = Date.now() + graceMs; Date.now() < deadline; await sleep(250)) {
    if ((await processesOf(directory)).length === 0) return [];
  }
  const left = await processesOf(directory);
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in between.
    }
  }
  await sleep(500);
  return left.map(({ pid, command }) => `process ${pid}: ${command.slice(0, 150)}`);
}

/** Processes that name a directory in their command line or environment, or work or have their root in it. */
async function processesOf(directory: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    const places = await Promise.all(['cwd', 'root'].map((name) => readlink(`/proc/${pid}/${name}`).catch(() => '')));
    const named = [command, environment, ...places].some((text) => text?.includes(directory));
    if (named) found.push({ pid: Number(pid), command: (command ?? '').replaceAll('\0', ' ') });
  }
  return found;
}

/** Containers of this machine's engine that see the directory. */
async function removeContainers(directory: string): Promise<string[]> {
  const argv = ['ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}} {{.Mounts}}'];
  const { stdout } = await execa('docker', argv, { reject: false });
  const left = (stdout ?? '').split('\n').filter((line) => line.includes(directory));
  for (const line of left) await execa('docker', ['rm', '--force', line.split(' ')[0] ?? ''], { reject: false });
  return left.map((line) => `container ${line.split(' ')[1]}`);
}

async function unmount(directory: string): Promise<string[]> {
  const mounts = await mountsIn(directory);
  for (const mount of [...mounts].reverse()) await execa('umount', ['--lazy', mount], { reject: false });
  return mounts.map((mount) => `mount ${mount}`);
}

async function mountsIn(directory: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  // Blanks and their like stand as octal numbers.
  const targets = lines.map((line) =>
    (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
  return targets.filter((target) => target.startsWith(`${directory}/`));
}
