import { type ChosenDeb, stanzasOf } from '../archive/index-stanzas.ts';
import { isSecurity } from '../archive/sources.ts';
import type { Search } from '../choose/choose-debs.ts';
import type { Answer } from '../choose/solver.ts';
import { wantedOf } from '../choose/wanted.ts';
import { pinMatches, type VersionOf } from '../root/preferences.ts';
import type { Cooldown, YoungVersion } from './cooldown.ts';
import type { FirstSeen } from './first-seen.ts';
import { type PublicationDate, publicationDates } from './publication-dates.ts';

/** How the age of versions is found out. */
export interface AgeOptions {
  firstSeen: FirstSeen;
  /** The proxy that apt would use for an address; null when none. */
  proxy(url: string): string | null;
  signal: AbortSignal;
  now: Date;
}

/** Solves without the versions `not`, and with the versions `kept` even if no suite has them any more. */
type SolveWithout = (not: readonly VersionOf[], kept: readonly VersionOf[]) => Promise<Answer>;

/** What a cooldown asks, for the versions of an image that its lockfile does not pin yet. */
export function ageQuestions(
  search: Search,
  first: readonly ChosenDeb[],
  solve: SolveWithout,
): Pick<Cooldown, 'tooYoung' | 'without' | 'indispensable'> {
  const known = new Set([...search.locked, ...search.local].map(({ sha256 }) => sha256));
  let urgent: Promise<Set<string>> | undefined;
  const fromSecurity = () => {
    urgent ??= inSecuritySuites(search, first);
    return urgent;
  };
  return {
    tooYoung: async (debs) => {
      const secure = await inSecuritySuites(search, debs);
      return youngAmong(
        search,
        debs.filter(({ sha256 }) => !known.has(sha256) && !secure.has(sha256)),
      );
    },
    without: async (versions) => {
      const names = new Set(versions.map((each) => each.package));
      const kept = search.locked.filter((each) => names.has(each.package) && isPinnedOrFree(search, each));
      const answer = await solve(versions, kept);
      if (!('debs' in answer)) return null;
      // What security suites have does not wait for what does.
      const there = new Set(answer.debs.map(({ sha256 }) => sha256));
      return [...(await fromSecurity())].every((sha256) => there.has(sha256)) ? answer.debs : null;
    },
    indispensable: (versions) => withoutAlternative(search, versions),
  };
}

async function inSecuritySuites({ indexes, offered }: Search, debs: readonly ChosenDeb[]): Promise<Set<string>> {
  const files = indexes.filter(({ suite }) => isSecurity(suite)).map(({ file }) => file);
  return offered.within(files).digests(debs.map(({ sha256 }) => sha256));
}

async function youngAmong(search: Search, debs: readonly ChosenDeb[]): Promise<YoungVersion[]> {
  const { toolbox, root, indexes, image, locked, age } = search;
  if (debs.length === 0) return [];
  const dates = await publicationDates(debs, age);
  const until = ({ date }: PublicationDate) => new Date(date.getTime() + image.minimumAge);
  const young = debs.filter(({ sha256 }) => until(dates.get(sha256)!) > age.now);
  if (young.length === 0) return [];
  const files = indexes.map(({ file }) => file);
  const stanzas = await stanzasOf(toolbox, root, files, young);
  const before = new Set(locked.map((each) => each.package));
  return (
    stanzas
      .map(({ package: name, version, sha256 }) => {
        const published = dates.get(sha256)!;
        return { package: name, version, sha256, published, until: until(published) };
      })
      // That it is seen for the first time says nothing of a package that nobody has looked for before.
      .filter(({ package: name, published }) => published.told || before.has(name))
  );
}

function isPinnedOrFree({ image }: Search, { package: name, version }: VersionOf): boolean {
  return image.pins.every((pin) => pin.package !== name || pinMatches(pin, version));
}

/** Those of which there is no other version, when the image cannot be without the package for all that is known. */
async function withoutAlternative(search: Search, versions: readonly YoungVersion[]): Promise<YoungVersion[]> {
  const { image, local, locked, offered } = search;
  const [wanted, before] = [wantedOf(image, local), new Set(locked.map((each) => each.package))];
  const there = [...(await offered.named(versions.map((each) => each.package))), ...locked];
  return versions.filter((young) => {
    const others = there.filter((each) => each.package === young.package && each.version !== young.version);
    const needed = locked.length === 0 || wanted.includes(young.package) || before.has(young.package);
    return needed && others.length === 0;
  });
}
