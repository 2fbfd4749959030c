import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LineCutter, Tail, timedOut, toolFailure } from '../tool-failure.ts';
import type { RunOptions, ToolResult } from '../toolbox.ts';
import type { ExecProcess } from './exec.ts';

/**
 * Starts a command with `start`, feeds it, collects its output and judges its end as `Toolbox.run` promises.
 * `assertAlive` throws the reason when the container went away under it.
 */
export async function runToEnd(
  argv: readonly string[],
  options: RunOptions,
  start: (onStderr: (chunk: Buffer) => void) => Promise<ExecProcess>,
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
    if (exitCode !== 0 && options.check !== false) throw toolFailure({ argv, exitCode, stderr: stderr.toString() });
    return { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: stderr.toString() };
  } finally {
    bound.clear();
  }
}

function timeBound(timeoutMs: number | undefined, process: ExecProcess) {
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

async function feed({ stdin, kill }: ExecProcess, input: RunOptions['input']): Promise<void> {
  if (input === undefined) return;
  if (typeof input === 'string' || Buffer.isBuffer(input)) {
    stdin.end(input);
    return;
  }
  try {
    await pipeline(input as Readable, stdin);
  } catch (error) {
    // A command that ended early is judged by its exit code; a source that failed must not look like an end.
    if (!input.errored) return;
    kill();
    throw error;
  }
}
