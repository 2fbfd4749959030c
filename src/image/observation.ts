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
}

type Place = Pick<BuildEnvironment, 'toolbox' | 'repo'>;

/** The result of an earlier run that would read the same of this tree; null when there is none. `key`: all other inputs. */
export async function recall(place: Place, stage: string, key: string, tree: string): Promise<string | null> {
  const { toolbox, repo } = place;
  const argv = ['ostree', 'cat', `--repo=${repo}`, observationRef(stage, key), '/observation.json'];
  const { exitCode, stdout } = await toolbox.run(argv, { check: false });
  if (exitCode !== 0) return null;
  const { digest, opened, result } = JSON.parse(stdout) as Observation;
  if ((await readDigest(place, tree, opened)) !== digest) return null;
  return resolveRef(toolbox, repo, result);
}

/** Keeps what was read for the next run with this key, in the place of what was kept before. */
export async function remember(
  build: Pick<BuildEnvironment, 'toolbox' | 'repo' | 'work'>,
  stage: string,
  key: string,
  { tree, opened, result }: Pick<Observation, 'opened' | 'result'> & { tree: string },
): Promise<void> {
  const { toolbox, repo } = build;
  const digest = await readDigest(build, tree, opened);
  const dir = `${build.work}/observation`;
  const write = 'mkdir "$1" && cat >"$1/observation.json"';
  const text = JSON.stringify({ digest, opened, result } satisfies Observation);
  await toolbox.run(['sh', '-euc', write, 'sh', dir], { input: text });
  await toolbox.run(commitArgv([`dir=${dir}`], { repo, ref: observationRef(stage, key), subject: 'observation' }));
  await toolbox.run(['rm', '-r', dir]);
}

function observationRef(stage: string, key: string): string {
  return `lockstep/observed-${stage}/${key}`;
}

async function readDigest({ toolbox, repo }: Place, tree: string, opened: readonly string[]): Promise<string> {
  const { stdout } = await toolbox.run(['ostree', 'ls', `--repo=${repo}`, '-R', '-C', tree]);
  return digestOf(...readOf(stdout.split('\n'), new Set(opened)));
}

/** What is read of each file, from the lines of `ostree ls -R -C`. */
export function readOf(lines: readonly string[], opened: ReadonlySet<string>): string[] {
  return lines.map((line) => {
    const [, facts, size, checksum = '', rest = ''] = /^(\S+ \d+ \d+) +(\d+) ([0-9a-f]{64})(.*)$/s.exec(line) ?? [];
    // The second line of a name with a line break, and the end.
    if (facts === undefined) return line;
    if (facts.startsWith('d')) return `${facts} ${rest.slice(rest.indexOf('/'))}`;
    const isRead = facts.startsWith('l') || opened.has(rest.slice(2));
    return `${facts} ${isRead ? checksum : size !== '0'}${rest}`;
  });
}
