import { distance } from 'fastest-levenshtein';
import { LockstepError } from '../../errors/index.ts';

/** A requested package that apt could not choose. */
export interface UnknownPackage {
  name: string;
  /** Packages that provide it, when it is a virtual one that several provide. */
  providers: string[];
}

/** What `apt-get install` says of packages that it does not know, or knows but by name. */
export function unknownPackages(output: string): UnknownPackage[] {
  const messages = /^E: (?:Unable to locate package |Package ')([^'\s]+)(?:' has no installation candidate)?$/gm;
  const named = [...output.matchAll(messages)].map(([, name]) => name!);
  return [...new Set(named)].map((name) => ({ name, providers: providersOf(name, output) }));
}

/** E_APT_NO_PACKAGE. @param existing the names of all packages in the image's suites */
export function noPackage(image: string, unknown: UnknownPackage[], existing: readonly string[]): LockstepError {
  const clauses = unknown.map(({ name, providers }) =>
    providers.length > 0
      ? `${name} is a virtual package, provided by ${providers.join(', ')}: name one of them`
      : `no suite of the image has a package ${name}${suggestion(name, existing)}`,
  );
  return new LockstepError('E_APT_NO_PACKAGE', `image ${image}: ${clauses.join('; ')}`, {
    hint: 'correct `packages:` of the image, or list the suite that has it under `suites:`',
  });
}

function suggestion(name: string, existing: readonly string[]): string {
  const near = nearestNames(name, existing);
  return near.length === 0 ? '' : ` (there is ${near.join(', ')})`;
}

/** Up to three existing names within a third of the word's length, the nearest first. */
export function nearestNames(name: string, existing: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  return existing
    .filter((candidate) => Math.abs(candidate.length - name.length) <= limit && candidate !== name)
    .map((candidate) => ({ candidate, steps: distance(name, candidate) }))
    .filter(({ steps }) => steps <= limit)
    .sort((a, b) => a.steps - b.steps || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** Under "Package NAME is a virtual package provided by:" a provider and its version a line. */
function providersOf(name: string, output: string): string[] {
  const lines = output.split('\n');
  const start = lines.indexOf(`Package ${name} is a virtual package provided by:`);
  if (start === -1) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !line.startsWith('  '));
  return rest.slice(0, end === -1 ? undefined : end).map((line) => line.trim().split(/[\s:]/)[0]!);
}
