#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { type CommonOptions, openContext } from './commands/context.ts';
import { verbs } from './commands/table.ts';
import type { Context, Outcome, Verb } from './commands/verb.ts';
import { nearest } from './config/nearest.ts';
import { catalogue, LockstepError } from './errors/index.ts';
import { createProgress } from './progress/choose.ts';
import { version } from './version.ts';

/** argv to command: the only place that knows the process, its streams, its signals and its exit code. */
async function main(argv: string[]): Promise<number> {
  const wantsJson = argv.includes('--json');
  try {
    const program = await declareProgram(argv);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return report(error, wantsJson, argv.includes('--verbose'));
  }
}

let exitCode = 0;

async function declareProgram(argv: string[]): Promise<Command> {
  const program = new Command('lockstep')
    .description('Pinned Debian packages, one ostree commit and every test device, moving in lockstep.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  withCommonOptions(program);
  const chosen = argv.find((word) => Object.hasOwn(verbs, word));
  for (const [name, entry] of Object.entries(verbs)) {
    const command = program.command(name).description(entry.summary);
    withCommonOptions(command);
    if (name !== chosen) continue;
    const verb = await entry.load();
    verb.declare?.(command);
    command.action(async (...parameters: unknown[]) => {
      exitCode = await perform(name, verb, command, command.args, parameters);
    });
  }
  program.action((_options, command: Command) => {
    throw unknownVerb(command.args[0]);
  });
  program.allowExcessArguments();
  return program;
}

function withCommonOptions(command: Command): void {
  const collect = (value: string, before: string[] = []) => [...before, value];
  command
    .option('-C <dir>', 'the directory that holds lockstep.yml')
    .option('--image <name>', 'only this image; may be repeated', collect)
    .option('--device <name>', 'only this device; may be repeated', collect)
    .option('--label <label>', 'only devices with this label')
    .addOption(new Option('--toolbox <kind>', 'where ostree, apt and qemu run').choices(['auto', 'docker', 'host']))
    .option('--json', 'print one JSON object on stdout')
    .option('--quiet', 'show no progress')
    .option('--verbose', 'show stack traces');
}

async function perform(name: string, verb: Verb, command: Command, args: string[], _: unknown[]): Promise<number> {
  const options = command.optsWithGlobals<CommonOptions>();
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  const progress = createProgress({
    quiet: options.quiet ?? false,
    stream: process.stderr,
    isTTY: process.stderr.isTTY ?? false,
    env: process.env,
  });
  const context = openContext(options, progress, stop.signal, asker(options, stop.signal));
  let unlock = async () => {};
  try {
    if (verbs[name]?.exclusive) {
      const { lockProject } = await import('./commands/lock.ts');
      unlock = await lockProject(await context.workspace(), name);
    }
    const outcome = await verb.run(context, options as Record<string, unknown>, args);
    print(outcome, options.json === true ? JSON.stringify(outcome) : (verb.print?.(outcome) ?? outcome.message));
    return exitCodeOf(outcome);
  } catch (error) {
    throw stop.signal.aborted ? asInterrupted(error) : error;
  } finally {
    await context.close();
    await unlock();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
  }
}

/** Only where there is somebody to answer, who sees the question. */
function asker({ json, quiet }: CommonOptions, signal: AbortSignal): Context['ask'] {
  if (json || quiet || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => {
    const { createInterface } = await import('node:readline/promises');
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    return terminal.question(question, { signal }).finally(() => terminal.close());
  };
}

function exitCodeOf(outcome: Outcome): number {
  if (outcome.code !== null) return catalogue[outcome.code].exit;
  return outcome.outcome === 'ok' || outcome.outcome === 'unchanged' ? 0 : 1;
}

function print(outcome: Outcome, text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`);
  if (outcome.code === null || text.startsWith('{')) return;
  process.stderr.write(`lockstep: ${outcome.code}${outcome.hint === null ? '' : `\n  hint: ${outcome.hint}`}\n`);
}

/** Says what went wrong, once, in the form asked for, and returns the exit code. */
function report(thrown: unknown, json: boolean, verbose: boolean): number {
  const error = asLockstepError(thrown);
  const { code, message, hint } = error;
  if (json) {
    process.stdout.write(`${JSON.stringify({ outcome: 'failed', code, message, hint } satisfies Outcome)}\n`);
  }
  process.stderr.write(`lockstep: ${code}: ${message}\n${hint === null ? '' : `  hint: ${hint}\n`}`);
  if (verbose) console.error(thrown);
  return error.exitCode;
}

function asLockstepError(error: unknown): LockstepError {
  if (error instanceof LockstepError) return error;
  if (error instanceof CommanderError) return usageError(error.message);
  const { code, message, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC')
    return new LockstepError('E_DISK_FULL', `the disk is full: ${path ?? message}`, { cause: error });
  return new LockstepError('E_INTERNAL', message ?? String(error), { cause: error });
}

/** What it suggests is told apart from what is wrong. */
function usageError(said: string): LockstepError {
  const [message = '', suggestion] = said.replace(/^error: /, '').split(/\n\(Did you mean /);
  return new LockstepError('E_USAGE', message, {
    hint: suggestion === undefined ? undefined : `did you mean ${suggestion.replace(/\)$/, '')}`,
  });
}

function asInterrupted(cause: unknown): LockstepError {
  const hint = 'run it again: it goes on from what was finished';
  return new LockstepError('E_INTERRUPTED', 'interrupted; what was started has been stopped', { hint, cause });
}

function unknownVerb(word: string | undefined): LockstepError {
  const meant = word === undefined ? null : nearest(word, Object.keys(verbs));
  const message = word === undefined ? 'say what to do' : `there is no verb "${word}"`;
  const hint = meant === null ? `verbs are: ${Object.keys(verbs).join(', ')}` : `did you mean "${meant}"?`;
  return new LockstepError('E_USAGE', message, { hint });
}

process.stdout.on('error', () => {});
process.exitCode = await main(process.argv.slice(2));
// Whoever reads slower than this writes would get what fits into the pipe.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
// A keep-alive socket of an engine or a mirror must not hold up the end of a finished command.
process.exit();
