import { access, statfs } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { type Check, lacking, present } from './check.ts';
import { findProgram, type Program } from './programs.ts';

const oldestNode = 20;

/** A root file system, its objects in two repositories, and the disk of a virtual device. */
const wantedBytes = 4 * 1024 ** 3;

const giga = 1024 ** 3;

export function checkNode(version = process.versions.node): Check {
  const check = { name: 'Node.js', needed: 'lockstep itself' };
  const recent = Number(version.split('.')[0]) >= oldestNode;
  return recent ? present(check, version) : lacking(check, version, `install Node.js ${oldestNode} or later`);
}

/** @param whyNotRootless why a user who is not root cannot be root in a namespace; null when there is no need or he can */
export function checkRoot(needed: string, whyNotRootless: string | null, uid = process.getuid?.()): Check {
  const check = { name: 'root', needed };
  if (uid === 0) return present(check, 'yes');
  if (whyNotRootless === null) return present(check, 'in a user namespace');
  return lacking(check, whyNotRootless, 'mend that, run as root, or use `--toolbox docker`');
}

/** Whether a program is here, and its version: what `--version`, or the flag given, prints first that looks like one. */
export async function checkProgram(program: Program, needed: string): Promise<Check> {
  const check = { name: program.name, needed };
  const file = await findProgram(program.name);
  if (file === null) return lacking(check, null, `apt-get install ${program.package}`);
  const { all } = await execa(file, [program.version ?? '--version'], {
    all: true,
    reject: false,
    timeout: 10_000,
    stdin: 'ignore',
  });
  return present(check, /\d+(\.\d+)+[\w.+~-]*/.exec(String(all ?? ''))?.[0] ?? file);
}

export async function checkFile(file: Program, needed: string): Promise<Check> {
  const check = { name: file.name, needed };
  return access(file.name).then(
    () => present(check, null),
    () => lacking(check, null, `apt-get install ${file.package}`),
  );
}

export async function checkDisk(dir: string): Promise<Check> {
  const check = { name: 'disk space', needed: 'building and booting an image' };
  const { bavail, bsize } = await statfs(await nearestExisting(dir));
  const found = `${((bavail * bsize) / giga).toFixed(1)} GiB free in ${dir}`;
  return bavail * bsize >= wantedBytes
    ? present(check, found)
    : lacking(check, found, `free ${wantedBytes / giga} GiB there`);
}

async function nearestExisting(dir: string): Promise<string> {
  const there = await access(dir).then(
    () => true,
    () => false,
  );
  return there ? dir : nearestExisting(path.dirname(dir));
}
