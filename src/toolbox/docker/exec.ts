import { randomBytes } from 'node:crypto';
import { type Duplex, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, Exec } from 'dockerode';
import type { StartedProcess } from '../run-to-end.ts';
import { toolEnvironment } from '../tool-failure.ts';
import type { OpenOptions } from '../toolbox.ts';
import { Demux } from './demux.ts';
import { engineError } from './engine.ts';

/** Where the container keeps the pids of running commands: a tmpfs of its own, which no command can fill. */
export const pidDir = '/run/lockstep';

/** The engine has no call that ends an exec, so each command leaves its pid, which is also its process group. */
const startScript = 'umask 022; echo $$ >"$1"; shift; exec "$@"';

/** A command that was only just started may not have left its pid yet. */
const killScript = 'n=0; until [ -s "$1" ] || [ $n = 50 ]; do sleep 0.02; n=$((n+1)); done; kill -KILL "-$(cat "$1")"';

/** The engine notes an exit a moment after the output has ended. */
const exitKnownWithinMs = 5_000;

/** Exit code reported for a command whose container went away under it: as if killed. */
export const lostExitCode = 137;

export interface ExecOptions extends OpenOptions {
  /** false: the command reads from nothing. */
  stdin: boolean;
  onStderr: (chunk: Buffer) => void;
}

export async function startExec(
  container: Container,
  argv: readonly string[],
  { cwd, env, stdin, onStderr }: ExecOptions,
): Promise<StartedProcess> {
  const pidFile = `${pidDir}/${randomBytes(6).toString('hex')}.pid`;
  try {
    const exec = await container.exec({
      Cmd: ['sh', '-c', startScript, 'sh', pidFile, ...argv],
      AttachStdin: stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
      WorkingDir: cwd ?? '/',
      Env: Object.entries({ ...toolEnvironment, ...env }).map(([name, value]) => `${name}=${value}`),
    });
    // Without hijack the engine never sees the end of stdin.
    const socket = await exec.start({ hijack: true, stdin, Tty: false, Detach: false });
    return connect(socket, exec, onStderr, () => void killExec(container, pidFile));
  } catch (error) {
    throw engineError(`starting ${argv[0]}`, error);
  }
}

function connect(socket: Duplex, exec: Exec, onStderr: (chunk: Buffer) => void, kill: () => void): StartedProcess {
  const stdout = new Demux(onStderr);
  socket.on('error', () => stdout.end());
  socket.pipe(stdout);
  let running = true;
  const exited = finished(stdout, { readable: false })
    .catch(() => {})
    .then(() => exitCodeOf(exec))
    .finally(() => {
      running = false;
      socket.destroy();
    });
  const killOnce = () => {
    if (running) kill();
    running = false;
  };
  return { stdin: stdinOf(socket, killOnce), stdout, exited, kill: killOnce };
}

/** The writing half of the connection. Destroyed before its end it kills the command: a cut must not look like an end. */
function stdinOf(socket: Duplex, kill: () => void): Writable {
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      if (!stdin.writableFinished) kill();
      done(error);
    },
  });
  // A command that ends without reading its input is judged by its exit code, not by the broken connection.
  stdin.on('error', () => {});
  return stdin;
}

async function exitCodeOf(exec: Exec): Promise<number> {
  for (let waited = 0; waited < exitKnownWithinMs; waited += 10) {
    try {
      const { Running, ExitCode } = await exec.inspect();
      if (!Running && ExitCode !== null) return ExitCode;
    } catch {
      return lostExitCode;
    }
    await sleep(10);
  }
  return lostExitCode;
}

async function killExec(container: Container, pidFile: string): Promise<void> {
  try {
    const exec = await container.exec({ Cmd: ['sh', '-c', killScript, 'sh', pidFile] });
    // An answer that nobody reads would keep its connection, and with it this process.
    (await exec.start({ Detach: true })).resume();
  } catch {
    // The container is gone, and the command with it.
  }
}
