import { type ControlFiles, nameOf, relationsOf } from './control-files.ts';
import { PackageSet } from './package-rules.ts';
import { interestsOf } from './trigger-interests.ts';

/** One thing to do to the root, in its order. */
export type UnpackStep =
  /** Run the preinst script. */
  | { verb: 'preinst'; entry: ControlFiles }
  /** Put the package's files where dpkg would put them, after what is there. */
  | { verb: 'lay'; entry: ControlFiles }
  /** Put those back that the package's preinst script took away. */
  | { verb: 'restore'; entry: ControlFiles }
  | { verb: 'configure'; entries: readonly ControlFiles[] }
  /** Tell dpkg of a file trigger that fired; `by` waits for it, nobody when it is null. */
  | { verb: 'activate'; trigger: string; by: ControlFiles | null };

export interface UnpackPlan {
  /** All packages in the order in which dpkg unpacks them. */
  order: readonly ControlFiles[];
  /** Those whose files are there from the start: the first of `order`, but for those of `late`. */
  early: readonly ControlFiles[];
  /** Those whose files are laid by a step. */
  late: ReadonlySet<ControlFiles>;
  steps: readonly UnpackStep[];
}

/**
 * How a root comes to be from nothing by dpkg's rules, as an installer does it: the essential packages and what they
 * depend on are extracted, their preinst scripts run, then they are configured. Of all others, a preinst script sees a
 * root without its own package's files, in which its Pre-Depends are configured. Packages without a script have nothing
 * that could tell when they were unpacked, so they come first and all at once.
 */
export function unpackPlan(packages: readonly ControlFiles[], after: ReadonlySet<ControlFiles>): UnpackPlan {
  const set = new PackageSet(packages);
  const sorted = inOrder([...packages].sort(byName), set);
  const essential = closureOf(
    sorted.filter((entry) => entry.control.get('Essential') === 'yes'),
    set,
    new Set(),
  );
  const isLate = (entry: ControlFiles) => after.has(entry) || (entry.preinst !== null && !essential.has(entry));
  const late = new Set(sorted.filter(isLate));
  const first = sorted.filter((entry) => essential.has(entry));
  const early = [...first, ...sorted.filter((entry) => !essential.has(entry))].filter((entry) => !late.has(entry));
  const planner = new Planner(set, late);
  planner.bootstrap(first);
  const rest = sorted.filter((entry) => !essential.has(entry));
  for (const entry of rest) if (!after.has(entry)) planner.unpack(entry);
  for (const entry of after) planner.unpack(entry);
  const order = [...early, ...planner.laid];
  return { order, early, late, steps: [...planner.steps, ...activations(planner, rest)] };
}

class Planner {
  readonly steps: UnpackStep[] = [];
  readonly laid: ControlFiles[] = [];
  readonly configured = new Set<ControlFiles>();
  readonly #set: PackageSet;
  readonly #late: ReadonlySet<ControlFiles>;
  readonly #begun = new Set<ControlFiles>();

  constructor(set: PackageSet, late: ReadonlySet<ControlFiles>) {
    this.#set = set;
    this.#late = late;
  }

  /** The essential system can rely on nothing: its files are there before its scripts run. */
  bootstrap(essential: readonly ControlFiles[]): void {
    for (const entry of essential) if (this.#late.has(entry)) this.#lay(entry);
    for (const entry of essential) {
      this.#begun.add(entry);
      if (entry.preinst !== null) this.steps.push({ verb: 'preinst', entry }, { verb: 'restore', entry });
    }
    this.#configure(essential);
  }

  unpack(entry: ControlFiles): void {
    if (this.#begun.has(entry)) return;
    this.#begun.add(entry);
    if (!this.#late.has(entry)) return;
    if (entry.preinst !== null) {
      this.#prepare(entry);
      this.steps.push({ verb: 'preinst', entry });
    }
    this.#lay(entry);
  }

  /** Pre-Depends are to be configured by then, which takes all that they depend on. */
  #prepare(entry: ControlFiles): void {
    const needed = closureOf(dependenciesOf(entry, ['Pre-Depends'], this.#set), this.#set, this.configured);
    needed.delete(entry);
    for (const other of needed) this.unpack(other);
    // Where nothing would be run or moved, it makes no difference when it is done, and starting dpkg takes a second.
    const others = [...needed].filter((other) => !this.configured.has(other));
    if (others.some((other) => other.hasPostinst || other.conffiles !== '')) this.#configure(others);
  }

  #lay(entry: ControlFiles): void {
    this.laid.push(entry);
    this.steps.push({ verb: 'lay', entry });
  }

  #configure(entries: readonly ControlFiles[]): void {
    if (entries.length === 0) return;
    this.steps.push({ verb: 'configure', entries });
    for (const entry of entries) this.configured.add(entry);
  }
}

/** File triggers of what is configured by then, which dpkg activates as it unpacks a path. */
function activations({ configured }: Planner, rest: readonly ControlFiles[]): UnpackStep[] {
  const unpacked = rest.map((entry) => ({ entry, paths: new Set(entry.list) }));
  return [...configured].flatMap((interested) =>
    interestsOf(interested).flatMap(({ trigger, noAwait }) => {
      const by = unpacked.filter(({ entry, paths }) => entry !== interested && paths.has(trigger));
      const waiting = noAwait ? by.slice(0, 1).map(() => null) : by.map(({ entry }) => entry);
      return waiting.map((who) => ({ verb: 'activate' as const, trigger, by: who }));
    }),
  );
}

/** Users and the root's own layout come first: other scripts rely on them, and the layout's owners and modes count. */
const foremost = ['base-passwd', 'base-files', 'dash', 'debconf'];

/**
 * What a package pre-depends on comes before it, as dpkg would have it; so does what it depends on, as apt has it where
 * there is no circle: preinst scripts that make users rely on it.
 */
function inOrder(packages: readonly ControlFiles[], set: PackageSet): ControlFiles[] {
  const ordered = new Set<ControlFiles>();
  const visiting = new Set<ControlFiles>();
  const visit = (entry: ControlFiles) => {
    if (ordered.has(entry) || visiting.has(entry)) return;
    visiting.add(entry);
    for (const dependency of dependenciesOf(entry, ['Pre-Depends', 'Depends'], set)) visit(dependency);
    ordered.add(entry);
  };
  for (const entry of packages.filter((one) => foremost.includes(nameOf(one))).sort(byRank)) visit(entry);
  for (const entry of packages) visit(entry);
  return [...ordered];
}

const byRank = (a: ControlFiles, b: ControlFiles) => foremost.indexOf(nameOf(a)) - foremost.indexOf(nameOf(b));

/** The given packages and all that they depend on, without those of `known` and what these alone need. */
function closureOf(
  roots: Iterable<ControlFiles>,
  set: PackageSet,
  known: ReadonlySet<ControlFiles>,
): Set<ControlFiles> {
  const found = new Set([...roots].filter((entry) => !known.has(entry)));
  for (const entry of found) {
    for (const dependency of dependenciesOf(entry, ['Pre-Depends', 'Depends'], set)) {
      if (!known.has(dependency)) found.add(dependency);
    }
  }
  return found;
}

/** Every package that fulfils one of a package's dependencies, alternatives included. */
function dependenciesOf(
  entry: ControlFiles,
  fields: readonly ('Depends' | 'Pre-Depends')[],
  set: PackageSet,
): ControlFiles[] {
  return fields.flatMap((name) =>
    relationsOf(entry, name)
      .flat()
      .flatMap((relation) => set.matching(relation)),
  );
}

/** dpkg's own order of packages. */
export function byName(a: ControlFiles, b: ControlFiles): number {
  const [x, y] = [nameOf(a), nameOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
