import type { Toolbox } from '../../toolbox/toolbox.ts';

/** How apt is set up where lockstep runs it. */
export interface ToolboxApt {
  /** Suites of the component main, with the base URL that serves each, in apt's order. */
  sources: SuiteSource[];
  /** Options of its Acquire tree, such as `Acquire::http::Proxy`, in apt's order. */
  acquire: AptOption[];
}

export interface SuiteSource {
  suite: string;
  /** Base URL without a slash at its end. */
  base: string;
}

export interface AptOption {
  name: string;
  value: string;
}

const known = new WeakMap<Toolbox, Promise<ToolboxApt>>();

/** Asks apt itself, once for each toolbox, so that every form of source entry and every directory of parts counts. */
export function toolboxApt(toolbox: Toolbox): Promise<ToolboxApt> {
  const asked = known.get(toolbox) ?? ask(toolbox);
  known.set(toolbox, asked);
  asked.catch(() => known.delete(toolbox));
  return asked;
}

/**
 * `--no-release-info`: a toolbox that has never run `apt-get update` knows its sources all the same. No pipe, in which it
 * would not be noticed that apt-get did not end well.
 */
const question = `
targets=$(apt-get indextargets --no-release-info --format 'target $(COMPONENT) $(RELEASE) $(REPO_URI)' 'Created-By: Packages')
while read -r word component suite uri; do
  case $uri in
    mirror+file:*) uri=$(grep -m 1 -oE '^[a-z]+:[^[:space:]]+' "\${uri#mirror+file:}" || echo "$uri") ;;
  esac
  echo "$word $component $suite $uri"
done <<TARGETS
$targets
TARGETS
apt-config dump
`;

async function ask(toolbox: Toolbox): Promise<ToolboxApt> {
  const { stdout } = await toolbox.run(['sh', '-euc', question], { timeoutMs: 60_000 });
  return { sources: sourcesIn(stdout), acquire: acquireOptionsIn(stdout) };
}

function sourcesIn(output: string): SuiteSource[] {
  const found = new Map<string, SuiteSource>();
  for (const [, component, suite, uri] of output.matchAll(/^target (\S+) (\S+) (\S+)$/gm)) {
    const base = uri!.replace(/\/+$/, '');
    // Other archives publish for Debian's suite names too, but under components of their own.
    if (component !== 'main' || !/^(https?|file):/.test(base)) continue;
    found.set(`${suite} ${base}`, { suite: suite!, base });
  }
  return [...found.values()];
}

function acquireOptionsIn(output: string): AptOption[] {
  return [...output.matchAll(/^(Acquire::\S+) "(.*)";$/gm)]
    .map(([, name, value]) => ({ name: name!, value: value! }))
    .filter(({ value }) => value !== '');
}
