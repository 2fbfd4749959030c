import path from 'node:path';
import { execa } from 'execa';

const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');

/** What a build of `panel` took. */
export interface Built {
  /** Wall time, Node's start included. */
  seconds: number;
  /** Seconds of each stage; some overlap. */
  stages: Record<string, number>;
  /** Peak of the agent's own resident memory, in bytes. */
  memory: number;
  /** Bytes that the agent and what it started have written to disks. */
  written: number;
}

/** Tells the peak of memory at the end. */
const probe = `data:text/javascript,process.on('exit', () => process.stderr.write('\\nmaxRSS ' + process.resourceUsage().maxRSS + '\\n'))`;

/** Builds a project with the host toolbox. */
export async function build(dir: string): Promise<Built> {
  const argv = ['--import', probe, agent, 'build', '-C', dir, '--toolbox', 'host', '--json'];
  // The shell has waited for all: its figures are theirs (proc(5), /proc/pid/io).
  const script = 'node "$@"; cat /proc/$$/io >&2';
  const started = performance.now();
  const { stdout, stderr } = await execa('bash', ['-c', script, 'bash', ...argv], { stdin: 'ignore', maxBuffer: 1e8 });
  const seconds = (performance.now() - started) / 1000;
  const { images, outcome, message } = JSON.parse(stdout);
  if (images === undefined) throw new Error(`${outcome}: ${message}`);
  const stages = (images[0].stages as { name: string; ms: number }[]).map(({ name, ms }) => [name, ms / 1000]);
  const figure = (pattern: RegExp) => Number(pattern.exec(stderr)?.[1]);
  return {
    seconds,
    stages: Object.fromEntries(stages),
    memory: figure(/^maxRSS (\d+)$/m) * 1024,
    written: figure(/^write_bytes: (\d+)$/m) - figure(/^cancelled_write_bytes: (\d+)$/m),
  };
}
