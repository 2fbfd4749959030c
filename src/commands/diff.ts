import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { changesBetween, formatChange, type PackageChange } from '../apt/diff.ts';
import { type LockedPackage, loadLockfile, parseLockfile } from '../apt/lockfile.ts';
import type { ImageConfig } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { type Git, gitIn } from '../refresh/git.ts';
import { type ComparedCommits, diffImages } from './diff-images.ts';
import { diffMarkdown, diffText } from './diff-text.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';

/** An entry of the outcome's `images`; a comparison of two files has one, named as the second of them. */
interface ComparedImage {
  name: string;
  changes: PackageChange[];
}

interface DiffOptions {
  images?: boolean;
  markdown?: boolean;
}

/** Outcomes to be printed as Markdown. */
const asMarkdown = new WeakSet<Outcome>();

export const diff: Verb<DiffOptions> = {
  name: 'diff',
  summary: 'show what differs between two lockfiles, or two images',
  declare: (command: Command) =>
    void command
      .argument('[A]', 'a lockfile, or a git revision of the images’ lockfiles: HEAD when not given')
      .argument('[B]', 'another; the work tree when not given')
      .option('--images', 'compare commits: A and B are images, refs, checksums or versions')
      .option('--markdown', 'print Markdown'),
  async run(context, { images, markdown }, [a, b]) {
    const outcome = images === true ? await diffImages(context, a, b) : await diffLockfiles(context, a, b);
    if (markdown === true) asMarkdown.add(outcome);
    return outcome;
  },
  print(outcome) {
    const markdown = asMarkdown.has(outcome);
    if (!('files' in outcome)) return printed(outcome.images as ComparedImage[], outcome.message, markdown);
    const compared = outcome as unknown as ComparedCommits;
    return markdown ? diffMarkdown(compared, outcome.message) : diffText(compared, outcome.message);
  },
};

async function diffLockfiles(context: Context, a = 'HEAD', b?: string): Promise<Outcome> {
  const images =
    b !== undefined && (await areFiles(context, a, b))
      ? [await compareFiles(path.resolve(context.dir, a), path.resolve(context.dir, b))]
      : await compareRevisions(context, a, b);
  return outcomeOf(images);
}

async function areFiles(context: Context, ...names: string[]): Promise<boolean> {
  const found = await Promise.all(
    names.map(async (name) => (await stat(path.resolve(context.dir, name)).catch(() => null))?.isFile() ?? false),
  );
  if (found.every(Boolean) || !found.some(Boolean)) return found.every(Boolean);
  throw new LockstepError(
    'E_USAGE',
    `${names[found.indexOf(false)]} is no file, ${names[found.indexOf(true)]} is one`,
    {
      hint: 'name two lockfiles, or git revisions',
    },
  );
}

async function compareFiles(a: string, b: string): Promise<ComparedImage> {
  const [before, after] = [await loadLockfile(a), await loadLockfile(b)];
  return { name: path.basename(b, '.lock'), changes: changesBetween(before.packages, after.packages) };
}

async function compareRevisions(context: Context, a: string, b?: string): Promise<ComparedImage[]> {
  const { root } = await context.config();
  const git = gitIn(root, context.environment, context.signal);
  for (const revision of b === undefined ? [a] : [a, b]) await requireRevision(git, revision);
  const images = await context.images();
  return Promise.all(
    images.map(async (image) => {
      const before = await packagesAt(git, image, a);
      const after = b === undefined ? (await loadLockfile(image.lockfile)).packages : await packagesAt(git, image, b);
      return { name: image.name, changes: changesBetween(before, after) };
    }),
  );
}

async function requireRevision(git: Git, revision: string): Promise<void> {
  const argv = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  if ((await git(argv, { check: false })).exitCode === 0) return;
  throw new LockstepError('E_USAGE', `${revision} is neither a lockfile nor a git revision here`, {
    hint: 'name two lockfiles, or git revisions; without any, the work tree is compared with HEAD',
  });
}

/** None for a revision that did not have the lockfile yet. */
async function packagesAt(git: Git, image: ImageConfig, revision: string): Promise<LockedPackage[]> {
  const name = `${revision}:./${path.basename(image.lockfile)}`;
  const there = await git(['cat-file', '-e', name], { check: false });
  if (there.exitCode !== 0) return [];
  return parseLockfile((await git(['cat-file', 'blob', name])).stdout, name).packages;
}

function outcomeOf(images: ComparedImage[]): Outcome {
  const count = images.reduce((sum, { changes }) => sum + changes.length, 0);
  if (count === 0) return unchanged('the lockfiles pin the same packages', { images });
  return ok(`${count} ${count === 1 ? 'package differs' : 'packages differ'}`, { images });
}

function printed(images: readonly ComparedImage[], message: string, markdown: boolean): string {
  const [head, item] = markdown ? ['### ', '- '] : ['', '  '];
  const lines = images
    .filter(({ changes }) => changes.length > 0)
    .flatMap(({ name, changes }) => [`${head}${name}:`, ...changes.map((change) => `${item}${formatChange(change)}`)]);
  return [...lines, message].join('\n');
}
