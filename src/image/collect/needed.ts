import type { DatedRef } from '../../ostree/dated-refs.ts';
import type { Observation } from '../observation.ts';

/** What a repository has to keep. */
export interface Needs {
  /** sha256 of the debs that lockfiles pin. */
  debs: ReadonlySet<string>;
  /** Refs of stages that builds of those lockfiles would use. */
  stages: ReadonlySet<string>;
  /** Images of lockstep.yml, by name. */
  images: readonly string[];
  /** Finished commits that are kept of each image. */
  commits: number;
  /** Whether an overlay comes from a ref: what that was made into has a name which only a build knows. */
  overlays: boolean;
}

/** What is known of a ref beside its commit. */
export interface Known {
  /** The image that a finished commit is of, by its path. */
  imageOf: ReadonlyMap<string, string>;
  /** What a stage was seen to read, by the ref's path. */
  observed: ReadonlyMap<string, Pick<Observation, 'result' | 'tree'> | null>;
}

export type RefKind = 'deb' | 'stage' | 'observation' | 'other';

const finished = 'heads/lockstep/deployable/';

/** Stages whose digest may depend on the numbers that maintainer scripts handed out: no plan knows it. */
const uncertain = ['renumbered', 'customised', 'initramfs'];

/** The image that a finished commit is of cannot be told from its ref. */
export function isFinished({ path }: Pick<DatedRef, 'path'>): boolean {
  return path.startsWith(finished);
}

/** What lockstep made itself; all else (images, overlays that users committed, remotes) is `other`. */
export function kindOf({ path }: Pick<DatedRef, 'path'>): RefKind {
  if (/^heads\/dpkg\/(data|control)\//.test(path)) return 'deb';
  if (path.startsWith('heads/lockstep/observed-')) return 'observation';
  return path.startsWith('heads/lockstep/') ? 'stage' : 'other';
}

/** The refs that nothing needs. What lockstep did not make is needed. */
export function unneeded(refs: readonly DatedRef[], needs: Needs, known: Known): DatedRef[] {
  const newest = new Set([...newestFinished(refs, needs, known), ...newestUncertain(refs, needs)]);
  const isNeeded = (ref: DatedRef) => {
    const kind = kindOf(ref);
    if (kind === 'deb') return needs.debs.has(ref.path.slice(ref.path.lastIndexOf('/') + 1));
    return kind === 'other' || (kind === 'stage' && (newest.has(ref) || isNeededStage(ref, needs)));
  };
  const kept = new Set(refs.filter(isNeeded).map(({ commit }) => commit));
  // An observation is worth something as long as both trees are there; one without them would mislead a build.
  const serves = (ref: DatedRef) => {
    const of = known.observed.get(ref.path);
    return of != null && kept.has(of.result) && kept.has(of.tree);
  };
  return refs.filter((ref) => !(kindOf(ref) === 'observation' ? serves(ref) : isNeeded(ref)));
}

function isNeededStage({ path }: DatedRef, { stages, images, overlays }: Needs): boolean {
  const [, , stage = '', image = ''] = path.split('/');
  if (stage === 'image') return images.includes(image);
  if (stage === 'overlay') return overlays;
  return stages.has(path.replace(/^heads\//, ''));
}

function newestFinished(refs: readonly DatedRef[], { images, commits }: Needs, { imageOf }: Known): DatedRef[] {
  return images.flatMap((image) =>
    newestOf(refs, commits, ({ path }) => isFinished({ path }) && imageOf.get(path) === image),
  );
}

function newestUncertain(refs: readonly DatedRef[], { images }: Needs): DatedRef[] {
  return uncertain.flatMap((stage) =>
    newestOf(refs, images.length, ({ path }) => path.startsWith(`heads/lockstep/${stage}/`)),
  );
}

/** Several refs may name one commit: it counts once. */
function newestOf(refs: readonly DatedRef[], count: number, wanted: (ref: DatedRef) => boolean): DatedRef[] {
  const found = refs.filter(wanted).sort((a, b) => b.written - a.written);
  const commits = new Set([...new Set(found.map(({ commit }) => commit))].slice(0, count));
  return found.filter(({ commit }) => commits.has(commit));
}
