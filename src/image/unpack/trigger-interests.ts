import { type ControlFiles, infoName } from './control-files.ts';

export interface Interest {
  /** A path, or a name. */
  trigger: string;
  /** Who is activated is not waited for. */
  noAwait: boolean;
}

/**
 * The triggers that a package is interested in, each once, as dpkg reads its `triggers` file (lib/dpkg/triglib.c): of an
 * interest that stands there twice the last directive counts; a named one then also takes the last place.
 */
export function interestsOf({ triggers }: Pick<ControlFiles, 'triggers'>): Interest[] {
  const found = new Map<string, Interest>();
  for (const line of triggers.split('\n')) {
    const [, directive, trigger] = /^\s*(interest(?:-await|-noawait)?)\s+(\S+)\s*$/.exec(line) ?? [];
    if (trigger === undefined) continue;
    if (!trigger.startsWith('/')) found.delete(trigger);
    found.set(trigger, { trigger, noAwait: directive === 'interest-noawait' });
  }
  return [...found.values()];
}

/** What dpkg registers under `triggers/` for packages unpacked in this order: `File` for paths, a file for each name. */
export function interestFiles(packages: readonly ControlFiles[]): { path: string; content: string }[] {
  const paths: string[] = [];
  const named = new Map<string, string[]>();
  for (const entry of packages) {
    for (const { trigger, noAwait } of interestsOf(entry)) {
      const who = `${infoName(entry)}${noAwait ? '/noawait' : ''}`;
      if (trigger.startsWith('/')) paths.push(`${trigger} ${who}\n`);
      else named.set(trigger, [...(named.get(trigger) ?? []), `${who}\n`]);
    }
  }
  const files = [...named].map(([trigger, who]) => ({ path: `triggers/${trigger}`, content: who.join('') }));
  return paths.length === 0 ? files : [{ path: 'triggers/File', content: paths.join('') }, ...files];
}
