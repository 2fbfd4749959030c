import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { workspaceOf } from '../config/workspace.ts';
import { bestWay } from '../image/emulation.ts';
import { silent } from '../progress/progress.ts';
import { enableCommand } from '../toolbox/binfmt.ts';
import { type Check, lacking, present } from '../toolbox/check.ts';
import { openToolbox } from '../toolbox/choose.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';

/** In which way a toolbox that works here emulates armhf, found out by trying it in a directory of its own. */
export async function checkEmulation(kind: 'docker' | 'host', signal: AbortSignal): Promise<Check> {
  const root = await mkdtemp(path.join(tmpdir(), 'lockstep-doctor-'));
  try {
    const toolbox = await openToolbox(kind, { workspace: workspaceOf(root), root, signal, progress: silent });
    try {
      return await emulationIn(toolbox);
    } finally {
      await toolbox.close();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The check for a toolbox that is open. */
export async function emulationIn(toolbox: Toolbox, machine?: NodeJS.Architecture): Promise<Check> {
  const check = { name: `emulation, ${toolbox.kind}`, needed: 'building images for armhf' };
  const { way, why } = await bestWay(toolbox, 'armhf', machine);
  if (way === 'native') return present(check, 'native: what scripts start most runs at full speed');
  if (way !== null) return present(check, `${way}, which takes longer than native: ${why}`);
  return lacking(check, why, `apt-get install qemu-user-static binfmt-support; ${enableCommand('armhf')}`);
}
