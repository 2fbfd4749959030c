// Runs the tests, several mocha processes at a time: `main.ts unit`, `main.ts all`, or `main.ts FILE…`.
import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runJobs } from './lanes.ts';
import { planOf } from './plan.ts';
import { summaryOf } from './summary.ts';
import { sweep } from './sweep.ts';

/** As many as the machines have processors that the tests are timed for. */
const lanes = 2;

const root = path.resolve(import.meta.dirname, '../..');
const [which = 'all', ...more] = process.argv.slice(2);
const plan =
  which === 'unit' || which === 'all'
    ? await planOf(root, which)
    : { together: [which, ...more].map((file) => ({ name: file, files: [file] })), alone: [] };

// Short, as sockets lie in it; and for all users, as any temporary directory: there are tests by others than root.
const directory = await mkdtemp(path.join(tmpdir(), 'lockstep-'));
await chmod(directory, 0o1777);
await mkdir(path.join(directory, '.runner'));

const stop = new AbortController();
let interrupted: NodeJS.Signals | null = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted ??= signal;
    stop.abort();
  });
}

const began = performance.now();
const ended = await runJobs(plan, { root, directory, lanes, signal: stop.signal }).finally(async () => {
  for (const what of await sweep(directory)) console.log(`left behind: ${what}`);
});
console.log(summaryOf(ended, performance.now() - began));
if (interrupted !== null) console.log(`interrupted by ${interrupted}`);
process.exitCode = interrupted !== null ? 130 : ended.some(({ failures }) => failures > 0) ? 1 : 0;
