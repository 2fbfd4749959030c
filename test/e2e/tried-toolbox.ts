import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { temporaryDirectory } from './projects.ts';
import { type kinds, openFor } from './toolboxes.ts';

/** The toolbox of a suite of tests, in a project with a file `given`. */
export function triedToolbox(kind: (typeof kinds)[number]): TriedToolbox {
  const tried = new TriedToolbox();
  before(async function () {
    // The first one makes the builder image.
    this.timeout(15 * 60_000);
    await tried.open(kind);
  });
  after(() => tried.toolbox?.close());
  return tried;
}

class TriedToolbox {
  root!: string;
  /** Where tests may write. */
  work!: string;
  toolbox!: Toolbox;

  async open(kind: (typeof kinds)[number]): Promise<void> {
    this.root = await temporaryDirectory(`toolbox-${kind}`);
    this.work = workspaceOf(this.root).work;
    await writeFile(path.join(this.root, 'given'), 'given');
    this.toolbox = await openFor(this.root, kind);
    await mkdir(this.work, { recursive: true });
  }
}

/** An unusual number of seconds to sleep, by which a process is found again. */
export const unusual = () => String(100_000 + Math.floor(Math.random() * 800_000));
