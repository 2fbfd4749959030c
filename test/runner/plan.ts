import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** The test files of one mocha process. */
export interface Job {
  name: string;
  /** Relative to the project. */
  files: string[];
  /** They boot virtual devices, which take both processors while they do. */
  boots?: boolean;
}

export interface Plan {
  /** Those that may run beside each other, in the order in which they are begun. */
  together: Job[];
  /** Those that run one after the other when all else has ended. */
  alone: Job[];
}

/** The files of test/e2e that boot virtual devices: those whose devices have the least time to boot, then the longest. */
const booting = ['faults-sample', 'device', 'deployable', 'main-job', 'device-start'];

/**
 * The other files of test/e2e that take more than half a minute, the longest first, as what is long must not come last.
 * The first one does without the built example, which a file that boots it makes meanwhile.
 */
const long = [
  'kills',
  'changed-package',
  'try-device',
  'emulation',
  'mmdebstrap',
  'unpack',
  'rootless',
  'maintainer-scripts',
  'customising',
  'push',
  'disk-full',
  'gc',
  'cache',
  'update',
  'same-as-apt',
  'update-provenance',
  'same-commit',
  'interrupt',
  'killed-programs',
];

/** The files of test/e2e that nothing may run beside, each with the reason. */
const alone: Record<string, string> = {};

/** Enough for two processes to end at about the same time; each has to load what it tests. */
const unitJobs = 4;

/** The unit tests alone, or all there is: unit tests, the pipeline steps, and each file of test/e2e by itself. */
export async function planOf(root: string, which: 'unit' | 'all'): Promise<Plan> {
  const all = await testFiles(root);
  const unit = all.filter((file) => !/^test\/((e2e|groovy|bench)\/|faults\/faults\.)/.test(file));
  if (which === 'unit') return { together: dealt(unit), alone: [] };
  const groovy = { name: 'groovy', files: all.filter((file) => file.startsWith('test/groovy/')) };
  const e2e = new Map(all.filter((file) => file.startsWith('test/e2e/')).map((file) => [shortName(file), file]));
  const job = (name: string): Job => ({ name: `e2e/${name}`, files: [e2e.get(name) ?? missing(name)] });
  const first = booting.map((name) => ({ ...job(name), boots: true }));
  const named = [...booting, ...long, ...Object.keys(alone)];
  const rest = [...e2e.keys()].filter((name) => !named.includes(name)).map(job);
  return {
    together: [...first, ...long.map(job), ...dealt(unit), groovy, ...rest],
    alone: Object.keys(alone).map(job),
  };
}

/**
 * Takes the job that is to be begun beside those that run: the first one, but one that boots devices beside another such
 * only when nothing else is left.
 */
export function nextOf(queue: Job[], running: ReadonlySet<Job>): Job | undefined {
  const boots = [...running].some((job) => job.boots);
  const index = queue.findIndex((job) => !(boots && job.boots));
  return queue.splice(Math.max(index, 0), 1)[0];
}

async function testFiles(root: string): Promise<string[]> {
  const names = await readdir(path.join(root, 'test'), { recursive: true });
  const files = names.filter((name) => name.endsWith('.test.ts')).map((name) => path.posix.join('test', name));
  return files.sort();
}

/** Like cards, so that the slow tests of a folder are not in one hand. */
function dealt(files: readonly string[]): Job[] {
  const hands = Array.from({ length: unitJobs }, (_, hand) => files.filter((_, index) => index % unitJobs === hand));
  return hands.map((hand, index) => ({ name: `unit ${index + 1}/${unitJobs}`, files: hand }));
}

const shortName = (file: string) => file.slice('test/e2e/'.length, -'.test.ts'.length);

function missing(name: string): never {
  throw new Error(`test/runner/plan.ts names test/e2e/${name}.test.ts, which is not there`);
}
