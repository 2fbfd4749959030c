import { readLockfile } from '../../src/apt/lockfile.ts';
import { archiveOf } from '../../src/apt/sources.ts';
import { loadConfig } from '../../src/config/load.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { importDebs } from '../../src/image/import.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';

/** Imports the debs of a project's only image and nothing else, as the first stage of a build does. */
const root = process.argv[2] ?? '.';
const { signal } = new AbortController();
const [image] = (await loadConfig(root)).images;
if (image === undefined) throw new Error(`${root} has no image`);
const workspace = workspaceOf(root);
const toolbox = await openHostToolbox({ workspace, root, signal });
await ensureRepo(toolbox, workspace.repo, 'bare');
const { packages } = await readLockfile(image);
const archive = await archiveOf(toolbox, image);
const candidates = (filename: string) => archive.candidates(filename);
await importDebs({ toolbox, repo: workspace.repo, packages, candidates, progress: silent, signal });
await toolbox.close();
process.exit();
