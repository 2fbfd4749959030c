import { type AdminFile, stepLines, unpackedState } from './dpkg-state.ts';
import type { Unpacking } from './unpacking.ts';

/** All that a root has to have beside the files of the packages, and what is then done to it. */
export interface RootPlan {
  /** Of dpkg's database. */
  admin: readonly AdminFile[];
  /** What the functions of `stages/unpack.sh` do, one step a line. */
  steps: string;
  /** The conffiles that are in the root already, one a line. */
  conffiles: Buffer;
}

export function planRoot(unpacking: Unpacking): RootPlan {
  const { admin, conffiles } = unpackedState(unpacking);
  const lines = conffiles.map((file) => `${file}\n`).join('');
  return { admin, steps: stepLines(unpacking), conffiles: Buffer.from(lines, 'latin1') };
}
