import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process as /proc shows it. */
export interface SeenProcess {
  pid: number;
  parent: number;
  /** The file that runs: the emulator's for a foreign program; empty for a zombie. */
  program: string;
  command: string;
  cgroups: string;
  root: string;
}

/** All processes of this machine, those in containers among them. */
export async function processes(): Promise<SeenProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const seen = await Promise.all(pids.map((pid) => look(Number(pid)).catch(() => null)));
  return seen.filter((one) => one !== null);
}

async function look(pid: number): Promise<SeenProcess> {
  const [stat, command, cgroups, program, root] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
    readFile(`/proc/${pid}/cgroup`, 'utf8'),
    readlink(`/proc/${pid}/exe`).catch(() => ''),
    readlink(`/proc/${pid}/root`).catch(() => ''),
  ]);
  // The second field is the program's name in parentheses and may hold blanks.
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return { pid, parent, program, command: command.replaceAll('\0', ' ').trim(), cgroups, root };
}

/** What a process has started, and what that has started, and so on. */
export function descendantsOf(pid: number, all: readonly SeenProcess[]): SeenProcess[] {
  const children = all.filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child.pid, all)]);
}

/** The processes of a container, by its id. */
export function processesIn(container: string, all: readonly SeenProcess[]): SeenProcess[] {
  return all.filter(({ cgroups }) => cgroups.includes(container));
}

/** What the kernel started in the place of a program of the image: the emulator, or a native build. */
export function isOfTheImage({ program }: SeenProcess): boolean {
  return /\/(qemu-\w+(-static)?|\w+-binfmt-P)$|lockstep-native\//.test(program);
}
