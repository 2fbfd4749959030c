import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseLockfile } from '../../src/apt/lockfile.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { importDebs } from '../../src/image/import.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';

/**
 * `import-debs.ts PROJECT LOCKFILE DEBS`: imports what a lockfile names, from a directory of apt's archives, into the project's
 * repository, and prints as JSON how many seconds that took and how much memory the process had at most.
 */
const [root = '', lockfile = '', debs = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const workspace = workspaceOf(root);
const toolbox = await openHostToolbox({ workspace, root, signal });
await ensureRepo(toolbox, workspace.repo, 'bare');
const { packages } = parseLockfile(await readFile(lockfile, 'utf8'), lockfile);
const files = new Map(
  packages.map(({ filename, package: name, version, architecture }) => [
    filename,
    path.join(debs, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`),
  ]),
);
const candidates = (filename: string) => [files.get(filename) ?? ''];
const started = performance.now();
await importDebs({ toolbox, repo: workspace.repo, packages, candidates, progress: silent, signal });
const seconds = (performance.now() - started) / 1000;
await toolbox.close();
console.log(JSON.stringify({ seconds, memoryMiB: process.resourceUsage().maxRSS / 1024 }));
process.exit();
