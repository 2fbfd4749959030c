import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LineCutter, Tail, timedOut, toolFailure } from './tool-failure.ts';
import type { RunOptions, ToolProcess, ToolResult } from './toolbox.ts';

/** A command at work, whose stderr goes elsewhere. */
export type StartedProcess = Omit<ToolProcess, 'exited'> & {
  /** Brings the exit code; 128 + number for a signal. */
  exited: Promise<number>;
};

/**
 * Starts a command with `start`, feeds it, collects its output and judges its end as `Toolbox.run` promises.
 * `assertAlive` throws the reason when the toolbox went away under it.
 */
export async function runToEnd(
  argv: readonly string[],
  options: RunOptions,
  start: (onStderr: (chunk: Buffer) => void) => Promise<StartedProcess>,
  assertAlive: () => void,
): Promise<ToolResult> {
  const stdout: Buffer[] = [];
  const stderr = new Tail();
  const lines = new LineCutter(options.onLine ?? (() => {}));
  const process = await start((chunk) => {
    stderr.append(chunk);
    lines.push(chunk);
  });
  process.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    lines.push(chunk);
  });
  const bound = timeBound(options.timeoutMs, process);
  try {
    const [exitCode] = await Promise.all([process.exited, feed(process, options.input)]);
    lines.end();
    assertAlive();
    if (bound.passed()) throw timedOut(argv, options.timeoutMs ?? 0);
    if (exitCode !== 0 && options.check !== false && !options.answers?.includes(exitCode))
      throw toolFailure({ argv, exitCode, stderr: stderr.toString() });
    return { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: stderr.toString() };
  } finally {
    bound.clear();
  }
}

function timeBound(timeoutMs: number | undefined, process: StartedProcess) {
  let passed = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          passed = true;
          process.kill();
        }, timeoutMs);
  return { passed: () => passed, clear: () => clearTimeout(timer) };
}

async function feed(process: StartedProcess, input: RunOptions['input']): Promise<void> {
  const { stdin } = process;
  if (input === undefined) return;
  if (typeof input === 'string' || Buffer.isBuffer(input)) {
    stdin.end(input);
    return;
  }
  const source = watchSource(input, process);
  // A command that ended before it had read all is judged by its exit code.
  await pipeline(input, stdin).catch((error) => {
    if (source.brokeOff()) throw error;
  });
}

/**
 * A source that fails must not look like its end to the command, which would take the half for the whole: kills the
 * command before the pipeline, which listens later, closes its stdin.
 */
function watchSource(input: Readable, { stdin, kill }: StartedProcess): { brokeOff(): boolean } {
  let broken = false;
  const breakOff = () => {
    // The pipeline also destroys a source whose command no longer reads.
    if (broken || stdin.errored || stdin.destroyed) return;
    broken = true;
    kill();
  };
  if (input.destroyed && !input.readableEnded) breakOff();
  input.once('error', breakOff);
  input.once('close', () => {
    if (!input.readableEnded) breakOff();
  });
  return { brokeOff: () => broken };
}
