import path from 'node:path';
import type { ImageConfig } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import type { Stage } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { readLocalDebs } from '../lockfile/local-debs.ts';
import type { LockedPackage } from '../lockfile/lockfile.ts';
import type { RecordedRelease } from '../provenance/provenance.ts';
import { addLockedSource } from '../root/locked-source.ts';
import { archiveKeyring, type PrivateRoot, preparePrivateRoot } from '../root/private-root.ts';
import { type AptSource, aptSources } from './apt-source.ts';
import { readReleases } from './fetch-releases.ts';
import { type IndexFile, indexTargets } from './index-targets.ts';
import { sharing } from './sharing.ts';
import { type Archive, archiveOf } from './sources.ts';
import { updateIndexes } from './update-indexes.ts';

export interface PrepareOptions {
  toolbox: Toolbox;
  workspace: Pick<Workspace, 'apt'>;
  /** Whose signatures of the images' own archives count; the archive's own keyring in the toolbox when not given. */
  keyring?: string;
  /** Suites of the images to leave out this time. */
  without?: readonly string[];
  /** Suites that may be past their day. */
  allowExpired?: readonly string[];
  /** What an image's lockfile pins by now, when it is to be had whatever the suites have. */
  held?(image: ImageConfig): readonly LockedPackage[];
  stage?: Stage;
}

/** An image whose archives were fetched. */
export interface Prepared {
  /** Without the suites that are left out. */
  image: ImageConfig;
  root: PrivateRoot;
  /** Debs of the project's own. */
  local: readonly LockedPackage[];
  indexes: readonly IndexFile[];
  /** The states of its suites, in the order of its sources. */
  releases: readonly RecordedRelease[];
  proxy: Archive['proxy'];
}

type Unfetched = Omit<Prepared, 'indexes' | 'releases'>;

/**
 * Fetches the indexes of images, each suite once however many of them have it, and checks their signatures. Changes
 * nothing but the images' private apt roots. Throws E_APT_*, E_CONFIG_VALUE, E_DISK_FULL, E_BUSY, E_TOOLBOX_TOOL,
 * E_INTERRUPTED.
 */
export async function prepareImages(images: readonly ImageConfig[], options: PrepareOptions): Promise<Prepared[]> {
  const plans = await Promise.all(images.map((image) => planOf(image, options)));
  const prepared: Prepared[] = [];
  for (const group of sharing(plans)) prepared.push(...(await fetchTogether(group, options)));
  return plans.map(({ image }) => prepared.find((each) => each.image === image)!);
}

interface Plan extends Pick<Prepared, 'image' | 'local' | 'proxy'> {
  sources: AptSource[];
}

async function planOf(
  configured: ImageConfig,
  { toolbox, without = [], keyring = archiveKeyring, allowExpired }: PrepareOptions,
): Promise<Plan> {
  const image = { ...configured, suites: configured.suites.filter((suite) => !without.includes(suite)) };
  const { suites, proxy } = await archiveOf(toolbox, image);
  const sources = await aptSources(image, suites, { keyring, allowExpired });
  return { image, local: await readLocalDebs(image), proxy, sources };
}

async function fetchTogether(plans: readonly Plan[], options: PrepareOptions): Promise<Prepared[]> {
  const { toolbox, workspace, held = () => [], stage } = options;
  const dirOf = ({ image }: Plan) => path.join(workspace.apt, image.name);
  const lists = path.join(dirOf(plans[0]!), 'lists');
  const unfetched: Unfetched[] = [];
  for (const plan of plans) {
    const { image, local, proxy, sources } = plan;
    const root = await preparePrivateRoot(toolbox, image, { dir: dirOf(plan), sources, local, lists });
    const locked = held(image);
    if (locked.length > 0) await addLockedSource(toolbox, root, locked);
    unfetched.push({ image, local, proxy, root });
  }
  const [first, ...others] = unfetched.map(({ root }) => root);
  const whose = plans.map(({ image }) => image.name).join(', ');
  await updateIndexes(toolbox, first!, whose, { sharing: others, stage });
  return withReleases(toolbox, unfetched);
}

async function withReleases(toolbox: Toolbox, unfetched: readonly Unfetched[]): Promise<Prepared[]> {
  const indexed = [];
  for (const each of unfetched) {
    indexed.push({ ...each, indexes: await indexTargets(toolbox, each.root, each.image) });
  }
  const all = indexed.flatMap(({ indexes }) => indexes);
  const fetched = await readReleases(toolbox, unfetched[0]!.root, all);
  return indexed.map((each) => ({
    ...each,
    releases: each.root.sources.flatMap((source) => {
      const same = fetched.find((one) => one.source.base === source.base && one.source.suite === source.suite);
      return same === undefined ? [] : [{ ...same.release, repository: source.repository }];
    }),
  }));
}
