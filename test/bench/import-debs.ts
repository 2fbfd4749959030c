import { readFile } from 'node:fs/promises';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { LockedDeb } from '../../src/deb/package.ts';
import { importDebs } from '../../src/image/import/import.ts';
import { DeferredSync } from '../../src/ostree/deferred-sync.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';

/**
 * `import-debs.ts PROJECT DEBS.json`: imports debs, whose `filename` is an absolute path, into the project's repository, and prints
 * as JSON how many seconds that took and how much memory the process had at most.
 */
const [root = '', list = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const { repo } = workspaceOf(root);
const toolbox = await openHostToolbox({ workspace: workspaceOf(root), root, signal });
await ensureRepo(toolbox, repo, 'bare');
const packages = JSON.parse(await readFile(list, 'utf8')) as LockedDeb[];
const started = performance.now();
const sync = new DeferredSync(toolbox, repo);
await importDebs({ toolbox, repo, sync, packages, candidates: (file) => [file], progress: silent, signal });
if (process.env.SETTLE !== '0') await sync.settle();
const seconds = (performance.now() - started) / 1000;
await toolbox.close();
// What getrusage says includes the process that began this one.
const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
console.log(JSON.stringify({ seconds, memoryMiB: Number(peak) / 1024 }));
process.exit();
