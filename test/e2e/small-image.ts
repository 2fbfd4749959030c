import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Outcome } from '../../src/commands/verb.ts';
import { lockstepOk } from './lockstep.ts';
import { resolveAnyhow } from './served-suites.ts';

/** The essential packages, and a script at two points: every stage but the initramfs, in some seconds. The scripts write 8 MB each. */
const yaml = (arch: string) => `images:
  small:
    arch: ${arch}
    suites: [bookworm]
    packages: [adduser]
    run: {configured: [scripts/middle], finalized: [scripts/late]}
`;

const scripts = {
  middle: '#!/bin/sh\nset -e\nadduser --quiet --system --group small\nyes small | head -c 8000000 >/usr/share/small\n',
  late: '#!/bin/sh\nset -e\nrm -r /usr/share/doc\nyes late | head -c 8000000 >/usr/share/late\n',
};

/** Makes a directory the project of a small image, with its lockfile; of a foreign architecture unless told otherwise. */
export async function smallProject(dir: string, arch = 'armhf'): Promise<void> {
  await mkdir(path.join(dir, 'scripts'), { recursive: true });
  await writeFile(path.join(dir, 'lockstep.yml'), yaml(arch));
  for (const [name, text] of Object.entries(scripts)) await writeFile(path.join(dir, 'scripts', name), text);
  await resolveAnyhow(dir);
}

/** Copies such a project, with nothing that was built. */
export async function copySmallProject(from: string, to: string): Promise<void> {
  for (const name of ['lockstep.yml', 'scripts', 'small.lock']) {
    await cp(path.join(from, name), path.join(to, name), { recursive: true });
  }
}

export interface BuiltSmall {
  commit: string;
  /** In milliseconds, in the order in which they ran. */
  stages: { name: string; ms: number; cached: boolean }[];
}

/** What a build says of the small image. */
export function smallOf(outcome: Outcome): BuiltSmall {
  const [image] = outcome.images as BuiltSmall[];
  if (image === undefined) throw new Error('the build named no image');
  return image;
}

export async function buildSmall(dir: string, toolbox: string, env: Record<string, string> = {}): Promise<BuiltSmall> {
  return smallOf(await lockstepOk(dir, ['build', '--toolbox', toolbox], env));
}
