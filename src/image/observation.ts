import { commitArgv } from '../ostree/commit.ts';
import { resolveRef } from '../ostree/refs.ts';
import { type BuildEnvironment, digestOf } from './stage.ts';

/**
 * What a stage was seen to read of a tree, so that another tree which is the same in that has the same result. Reading is
 * all opening of files. What can be had without opening one is taken to be read of every file: its name, kind, mode, owner,
 * link target, and whether it is empty.
 */
export interface Observation {
  /** Digest of what was read. */
  digest: string;
  /** Paths relative to the root. */
  opened: readonly string[];
  /** The commit with the stage's result. */
  result: string;
  /** The commit of the tree that was read. */
  tree: string;
  /** What the stage itself wants to know of it later. */
  notes?: unknown;
}

type Place = Pick<BuildEnvironment, 'toolbox' | 'repo'>;

/** An earlier run that would read the same of this tree; null when there is none. `key`: all other inputs. */
export async function recall(place: Place, stage: string, key: string, tree: string): Promise<Observation | null> {
  const { toolbox, repo } = place;
  const known = await readObservation(place, observationRef(stage, key));
  if (known === null || (await readDigest(place, tree, known.opened)) !== known.digest) return null;
  const there = await Promise.all([known.result, known.tree].map((commit) => resolveRef(toolbox, repo, commit)));
  return there.includes(null) ? null : known;
}

/** Keeps what was read for the next run with this key, in the place of what was kept before. */
export async function remember(
  build: Pick<BuildEnvironment, 'toolbox' | 'repo' | 'work'>,
  stage: string,
  key: string,
  { tree, opened, result, notes }: Omit<Observation, 'digest'>,
): Promise<void> {
  const { toolbox, repo } = build;
  const digest = await readDigest(build, tree, opened);
  const dir = `${build.work}/observation`;
  const write = 'mkdir "$1" && cat >"$1/observation.json"';
  const text = JSON.stringify({ digest, opened, result, tree, notes } satisfies Observation);
  await toolbox.run(['sh', '-euc', write, 'sh', dir], { input: text });
  await toolbox.run(commitArgv([`dir=${dir}`], { repo, ref: observationRef(stage, key), subject: 'observation' }));
  await toolbox.run(['rm', '-r', dir]);
}

/** The paths that `stages/record-opened.pl` wrote to a file; null where the kernel did not tell. */
export async function openedFiles({ toolbox }: Pick<Place, 'toolbox'>, file: string): Promise<string[] | null> {
  const { exitCode, stdout } = await toolbox.run(['cat', file], { answers: [1] });
  return exitCode === 0 ? stdout.split('\0').filter((name) => name !== '') : null;
}

/** What a ref or commit says; null when it is none. */
export async function readObservation({ toolbox, repo }: Place, revision: string): Promise<Observation | null> {
  const argv = ['ostree', 'cat', `--repo=${repo}`, revision, '/observation.json'];
  const { exitCode, stdout } = await toolbox.run(argv, { answers: [1] });
  return exitCode === 0 ? (JSON.parse(stdout) as Observation) : null;
}

function observationRef(stage: string, key: string): string {
  return `lockstep/observed-${stage}/${key}`;
}

async function readDigest(place: Place, tree: string, opened: readonly string[]): Promise<string> {
  return digestOf(...readOf(await listTree(place, tree), new Set(opened)));
}

/** The lines of `ostree ls -R -C` of a commit. */
export async function listTree({ toolbox, repo }: Place, commit: string): Promise<string[]> {
  const { stdout } = await toolbox.run(['ostree', 'ls', `--repo=${repo}`, '-R', '-C', commit]);
  return stdout.split('\n');
}

/** What is read of each file, from the lines of `ostree ls -R -C`. */
export function readOf(lines: readonly string[], opened: ReadonlySet<string>): string[] {
  return lines.map((line) => {
    const entry = listedEntry(line);
    // The second line of a name with a line break, and the end.
    if (entry === null) return line;
    const { facts, size, checksum, place } = entry;
    if (facts.startsWith('d')) return `${facts} ${place}`;
    const isRead = facts.startsWith('l') || opened.has(place.slice(1));
    return `${facts} ${isRead ? checksum : size !== '0'} ${place}`;
  });
}

/** A line of `ostree ls -R -C`. */
export interface ListedEntry {
  /** Kind, mode, owner. */
  facts: string;
  size: string;
  /** Of a directory, that of its entries. */
  checksum: string;
  /** Absolute path, of a link with ` -> ` and its target. */
  place: string;
}

export function listedEntry(line: string): ListedEntry | null {
  const [, facts = '', size = '', checksum = '', rest = ''] =
    /^(\S+ \d+ \d+) +(\d+) ([0-9a-f]{64})(.*)$/s.exec(line) ?? [];
  return facts === '' ? null : { facts, size, checksum, place: rest.slice(rest.indexOf('/')) };
}
