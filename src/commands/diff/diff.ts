import type { Command } from 'commander';
import type { DescribedChanges } from '../../apt/changes/described.ts';
import { changesMarkdown } from '../../apt/changes/markdown.ts';
import { pinnedOf } from '../../apt/changes/pinned.ts';
import { changesText, missingNote } from '../../apt/changes/text.ts';
import type { LockedPackage } from '../../apt/lockfile/lockfile.ts';
import { LockstepError } from '../../errors/index.ts';
import type { CommonOptions } from '../context.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from '../verb.ts';
import { described, fetcherOf } from './described-images.ts';
import type { UnreadDevice } from './device.ts';
import type { ComparedCommits } from './images.ts';
import { sidesOf } from './lockfile-sides.ts';
import { diffMarkdown, diffText } from './text.ts';

/** An entry of the outcome's `images`; a comparison of two files has one, named as the second of them. */
interface ComparedImage extends DescribedChanges {
  name: string;
  /** The device whose packages the image's lockfile was compared with; null: lockfiles were compared. */
  device: string | null;
}

interface DiffOptions extends CommonOptions {
  images?: boolean;
  markdown?: boolean;
  fetch?: boolean;
}

/** Outcomes to be printed as Markdown. */
const asMarkdown = new WeakSet<Outcome>();

export const diff: Verb<DiffOptions> = {
  name: 'diff',
  summary: 'show what differs between two lockfiles, a device and its lockfile, or two images',
  declare: (command: Command) =>
    void command
      .argument('[A]', 'a lockfile, or a git revision of the images’ lockfiles: HEAD when not given')
      .argument('[B]', 'another; the work tree when not given')
      .option('--images', 'compare commits: A and B are images, refs, checksums or versions')
      .option('--fetch', 'import the debs whose changelogs are not in the build repository yet')
      .option('--markdown', 'print Markdown, for a merge request'),
  async run(context, options, [a, b]) {
    const outcome = await comparison(context, options, a, b);
    if (options.markdown === true) asMarkdown.add(outcome);
    return outcome;
  },
  print(outcome) {
    const markdown = asMarkdown.has(outcome);
    if (!('files' in outcome)) return printed(outcome, markdown);
    const compared = outcome as unknown as ComparedCommits;
    return markdown ? diffMarkdown(compared, outcome.message) : diffText(compared, outcome.message);
  },
};

async function comparison(context: Context, options: DiffOptions, a?: string, b?: string): Promise<Outcome> {
  if (options.images === true) return (await import('./images.ts')).diffImages(context, a, b);
  if (options.fetch !== true) return diffLockfiles(context, options, a, b);
  const { lockProject } = await import('../lock.ts');
  const unlock = await lockProject(await context.workspace(), 'diff');
  try {
    return await diffLockfiles(context, options, a, b);
  } finally {
    await unlock();
  }
}

async function diffLockfiles(context: Context, options: DiffOptions, a?: string, b?: string): Promise<Outcome> {
  const ofDevices = (options.device ?? []).length > 0 || options.label !== undefined;
  return ofDevices ? compareDevices(context, options, a, b) : compareFiles(context, options, a, b);
}

async function compareFiles(context: Context, options: DiffOptions, a?: string, b?: string): Promise<Outcome> {
  const all = await sidesOf(context, a, b);
  const images: ComparedImage[] = [];
  for (const { name, before, after, repo } of all) {
    const compared = { before: before.map(pinnedOf), after: after.map(pinnedOf), repo };
    images.push({
      name,
      device: null,
      ...(await described(compared, await fetcher(context, options, name, [...before, ...after]))),
    });
  }
  return outcomeOf(images, 'the lockfiles pin the same packages');
}

async function compareDevices(context: Context, options: DiffOptions, a?: string, b?: string): Promise<Outcome> {
  if (b !== undefined) {
    const hint = 'its packages are compared with those of one lockfile or git revision';
    throw new LockstepError('E_USAGE', `a device and ${b}: with --device, name one lockfile at most`, { hint });
  }
  const { deviceSides } = await import('./device.ts');
  const images: ComparedImage[] = [];
  const unread: UnreadDevice[] = [];
  for (const sides of await deviceSides(context, a)) {
    if ('error' in sides) unread.push(sides);
    else {
      const { device, image, locked, ...compared } = sides;
      const fetch = await fetcher(context, options, image.name, locked);
      images.push({ name: image.name, device, ...(await described(compared, fetch)) });
    }
  }
  const [first] = unread;
  if (first === undefined) return outcomeOf(images, 'the devices have the packages that are pinned');
  const message = unread.map(({ error }) => error.message).join('\n');
  return { outcome: 'failed', code: first.error.code, message, hint: first.error.hint, images };
}

async function fetcher(context: Context, { fetch }: DiffOptions, name: string, locked: readonly LockedPackage[]) {
  if (fetch !== true) return null;
  const [chosen, ...others] = await context.images();
  const named = (await context.config()).images.find((candidate) => candidate.name === name);
  const image = named ?? (others.length === 0 ? chosen : undefined);
  if (image !== undefined) return fetcherOf(context, image, locked);
  throw new LockstepError('E_USAGE', `--fetch: lockstep.yml has no image ${name}, whose suites would have the debs`, {
    hint: 'say with `--image NAME` which image’s lockfiles they are',
  });
}

function outcomeOf(images: ComparedImage[], same: string): Outcome {
  const count = images.reduce((sum, { changes }) => sum + changes.length, 0);
  if (count === 0) return unchanged(same, { images });
  const hint = missingNote(images.flatMap(({ sources }) => sources));
  return { ...ok(`${count} ${count === 1 ? 'package differs' : 'packages differ'}`, { images }), hint };
}

function printed(outcome: Outcome, markdown: boolean): string {
  const images = (outcome.images as ComparedImage[])
    .filter(({ changes }) => changes.length > 0)
    .map((image) => ({ ...image, title: image.device === null ? image.name : `${image.name} on ${image.device}` }));
  if (markdown) return images.length === 0 ? `${outcome.message}.` : changesMarkdown(images);
  const texts = images.map((image) => changesText(image.title, image));
  return [...texts, outcome.message, ...(outcome.hint === null ? [] : [outcome.hint])].join('\n');
}
