import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Client, ClientChannel } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';
import { commandLine } from './shell.ts';

export interface ExecOptions {
  input?: string | Buffer | Readable;
  /** Called for each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
  /** false: return whatever the exit code is. */
  check?: boolean;
  /** Bound on the whole command; 10 minutes when not given. */
  timeoutMs?: number;
}

export interface ExecResult {
  /** As a shell gives it: 128 and more for a command that a signal ended. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

const signalNumbers: Record<string, number> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  SEGV: 11,
  PIPE: 13,
  TERM: 15,
};

/** Runs one command over a connection; `Session.exec` is the way to it. */
export async function execute(
  client: Client,
  device: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const result = await new Promise<ExecResult>((resolve, reject) => {
    // What collects must listen before the callback returns: a short command's output, exit code and end may all stand
    // in the packet that confirms its start.
    client.exec(commandLine(argv), (error, channel) => {
      if (error === undefined) collect(channel, device, argv, options).then(resolve, reject);
      else reject(cannotStart(device, error));
    });
  });
  return options.check === false ? result : succeeded(device, argv, result);
}

/** The result of a command that had to succeed. Throws E_DEVICE_COMMAND with its last lines when it did not. */
export function succeeded(device: string, argv: readonly string[], result: ExecResult): ExecResult {
  if (result.exitCode !== 0) throw failure(device, argv, result);
  return result;
}

function cannotStart(device: string, cause: Error): LockstepError {
  return new LockstepError('E_SSH_CUT', `device ${device}: cannot start a command: ${cause.message}`, { cause });
}

function collect(
  channel: ClientChannel,
  device: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const timeoutMs = options.timeoutMs ?? 600_000;
    const timer = setTimeout(() => {
      channel.destroy();
      const message = `device ${device}: \`${short(argv)}\` did not end in ${Math.round(timeoutMs / 1000)} s`;
      reject(new LockstepError('E_DEVICE_COMMAND', message));
    }, timeoutMs);
    let exitCode: number | null = null;
    const stdout = readAll(channel, options.onLine);
    const stderr = readAll(channel.stderr, options.onLine);
    channel.on('exit', (code: number | null, signal?: string) => {
      exitCode = code ?? 128 + (signalNumbers[signal ?? ''] ?? 0);
    });
    channel.on('error', () => {});
    channel.on('close', () => {
      clearTimeout(timer);
      if (exitCode === null) {
        reject(new LockstepError('E_SSH_CUT', `device ${device}: the connection broke during \`${short(argv)}\``));
      } else resolve({ exitCode, stdout: stdout(), stderr: stderr() });
    });
    send(channel, options.input);
  });
}

function send(channel: ClientChannel, input: ExecOptions['input']): void {
  if (input instanceof Readable) {
    input.on('error', () => channel.destroy());
    input.pipe(channel);
  } else channel.end(input);
}

/** Gathers a stream's text and hands on its lines; returns how to get the text once the stream has ended. */
function readAll(stream: Readable, onLine: ExecOptions['onLine']): () => string {
  const chunks: Buffer[] = [];
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (onLine === undefined) return;
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  return () => {
    if (rest !== '') onLine?.(rest);
    return Buffer.concat(chunks).toString('utf8');
  };
}

function failure(device: string, argv: readonly string[], result: ExecResult): LockstepError {
  const output = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-5).join('\n');
  return new LockstepError(
    'E_DEVICE_COMMAND',
    `device ${device}: \`${short(argv)}\` failed with exit code ${result.exitCode}${output ? `:\n${output}` : ''}`,
  );
}

/** A command as messages name it: a script of several lines would hide the rest. */
function short(argv: readonly string[]): string {
  const text = commandLine(argv.map((word) => (word.includes('\n') ? '…' : word))).replace(/\s+/g, ' ');
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
