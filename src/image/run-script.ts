import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pack } from 'tar-stream';
import type { RunPoint } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { digestOf } from './stage.ts';

/** A script that runs inside the image while it is built. */
export interface RunScript {
  /** What messages call it. */
  label: string;
  content: Buffer;
}

/** Reads scripts of `run:`. Throws E_RUN for one that is missing or says no interpreter. */
export async function readScripts(files: readonly string[]): Promise<RunScript[]> {
  return Promise.all(files.map(readScript));
}

async function readScript(file: string): Promise<RunScript> {
  const hint = 'correct `run:` of the image in lockstep.yml';
  const content = await readFile(file).catch((cause: Error) => {
    throw new LockstepError('E_RUN', `cannot read the script ${file}: ${cause.message}`, { hint, cause });
  });
  if (content.subarray(0, 2).toString('latin1') === '#!') return { label: file, content };
  throw new LockstepError('E_RUN', `the script ${file} does not say what runs it`, {
    hint: 'begin it with a line such as #!/bin/sh',
  });
}

/** Digest of scripts' contents in their order; null when there are none. */
export function scriptsDigest(scripts: readonly RunScript[]): string | null {
  if (scripts.length === 0) return null;
  return digestOf(...scripts.map(({ content }) => createHash('sha256').update(content).digest('hex')));
}

/** Puts scripts into a new directory of the toolbox, named so that their order is that of their names. */
export async function writeScripts(toolbox: Toolbox, dir: string, scripts: readonly RunScript[]): Promise<void> {
  const tar = pack();
  for (const [index, { content }] of scripts.entries()) {
    tar.entry({ name: fileName(scripts, index), mode: 0o755, mtime: new Date(0) }, content);
  }
  tar.finalize();
  const archive: Buffer[] = [];
  for await (const chunk of tar) archive.push(chunk as Buffer);
  await toolbox.run(['mkdir', '-p', dir]);
  await toolbox.run(['tar', '--extract', `--directory=${dir}`, '--file=-'], { input: Buffer.concat(archive) });
}

/** `01-name`: the name for messages of programs, the number because two may have one name. */
function fileName(scripts: readonly RunScript[], index: number): string {
  const width = String(scripts.length).length;
  const name = path.basename(scripts[index]?.label ?? '').replace(/[^A-Za-z0-9._-]/g, '_');
  return `${String(index + 1).padStart(Math.max(2, width), '0')}-${name}`;
}

/** Follows what the stage's shell script prints: which of the scripts is at work, and what it says. */
export class ScriptOutput {
  readonly #scripts: readonly RunScript[];
  readonly #point: RunPoint;
  #begun = 0;
  #current: RunScript | null = null;
  #said: string[] = [];

  constructor(scripts: readonly RunScript[], point: RunPoint) {
    this.#scripts = scripts;
    this.#point = point;
  }

  /** Whether one of the scripts is at work, and so to blame. */
  get running(): boolean {
    return this.#current !== null;
  }

  /** Takes a line; returns it as it is to be shown, null for what is not a script's. */
  take(line: string): string | null {
    const [, name] = /^lockstep-run: ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      this.#current = name === '' ? null : (this.#scripts[this.#begun++] ?? null);
      this.#said = [];
      return null;
    }
    if (this.#current === null) return null;
    this.#said.push(line);
    return `${path.basename(this.#current.label)}: ${line}`;
  }

  /** The error for a stage that took too long. */
  timeout(limitMs: number): LockstepError {
    const script = this.#current;
    const what = script === null ? 'the scripts' : `the script ${script.label}`;
    const last = this.#said.length === 0 ? '' : `:\n${this.#said.slice(-15).join('\n')}`;
    const message = `${what} (run: ${this.#point}) did not end within ${limitMs / 1000} s${last}`;
    return new LockstepError('E_RUN', message, { hint: timeoutHint });
  }

  /** The error for a stage that ended so. */
  failure(exitCode: number, output: string): LockstepError {
    const script = this.#current;
    const last = (script === null ? output.split('\n') : this.#said).slice(-15).join('\n');
    if (/No space left on device/.test(last)) {
      return new LockstepError('E_DISK_FULL', `the disk is full while scripts ran in the image:\n${last}`, {
        hint: 'free space under the project’s .lockstep directory, then run again',
      });
    }
    const what = script === null ? 'the scripts could not be run' : `the script ${script.label} failed`;
    const message = `${what} (run: ${this.#point}, exit code ${exitCode})${last === '' ? '' : `:\n${last}`}`;
    return new LockstepError('E_RUN', message, { hint: hintFor(exitCode) });
  }
}

/** What is told of a time limit. */
export const timeoutHint = '`lockstep build --script-timeout SECONDS` gives more time';

function hintFor(exitCode: number): string {
  if (exitCode === 126 || exitCode === 127) {
    return 'a program that it calls, or the one in its first line, is not in the image: add the package that has it';
  }
  return 'it runs inside the image, as root, without network; `set -x` in it shows each command';
}
