import type { BuildEnvironment } from '../stage.ts';
import { writeAdminFiles } from './admin-directory.ts';
import { stepLines, unpackedState } from './dpkg-state.ts';
import type { Unpacking } from './unpacking.ts';

/** What the functions of `stages/unpack.sh` need beside the root and the repository. */
export interface PreparedRoot {
  /** The steps, one a line. */
  steps: string;
  /** The conffiles that are in the root already, one a line. */
  conffiles: Buffer;
}

/** Writes dpkg's database into a checked out root. */
export async function prepareRoot(build: BuildEnvironment, unpacking: Unpacking, root: string): Promise<PreparedRoot> {
  const state = unpackedState(unpacking);
  await writeAdminFiles(build, root, state.admin);
  const conffiles = Buffer.from(state.conffiles.map((file) => `${file}\n`).join(''), 'latin1');
  return { steps: stepLines(unpacking), conffiles };
}
