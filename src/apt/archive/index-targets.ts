import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { runApt } from '../root/apt-run.ts';
import { solveFailure } from '../root/failure.ts';
import type { PrivateRoot } from '../root/private-root.ts';
import type { AptSource } from './apt-source.ts';

/** An index file that apt holds, and where it is of. */
export interface IndexFile {
  suite: string;
  component: string;
  file: string;
  /** What the path of the suite's Release or InRelease file begins with. */
  release: string;
  /** null: made here, not fetched, as for the project's own debs. */
  source: AptSource | null;
}

/** The paths of {@link indexTargets}. */
export async function indexFiles(toolbox: Toolbox, root: PrivateRoot, image: ImageConfig): Promise<string[]> {
  return (await indexTargets(toolbox, root, image)).map(({ file }) => file);
}

/**
 * The index files that apt holds, in the order of the sources. Throws E_APT_NO_SUITE for a suite without one, and for a
 * component that no suite has: apt passes over what has nothing for the architecture.
 */
export async function indexTargets(toolbox: Toolbox, root: PrivateRoot, image: ImageConfig): Promise<IndexFile[]> {
  const { exitCode, stdout, output } = await runApt(toolbox, root, ['sh', '-euc', listIndexes], { timeoutMs: 60_000 });
  if (exitCode !== 0) throw solveFailure(image.name, output);
  const found = stdout
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([word, ...fields]) => word === 'index' && fields.length === 5)
    .map(([, suite, component, uri, key, file]) => indexFile(root.sources, [suite!, component!, uri!, key!, file!]));
  refuseEmpty(image, root.sources, found);
  return found;
}

function indexFile(
  sources: readonly AptSource[],
  [suite, component, uri, key, file]: [string, string, string, string, string],
): IndexFile {
  const base = uri.replace(/\/+$/, '');
  const source = sources.find((each) => each.base === base && each.suite === suite) ?? null;
  return { suite, component, file, release: file.slice(0, -key.length), source };
}

function refuseEmpty(image: ImageConfig, sources: readonly AptSource[], found: readonly IndexFile[]): void {
  for (const source of sources) {
    if (found.some((index) => index.source === source)) continue;
    throw noSuite(image, `the suite ${source.suite}${of(source)} has no packages for ${image.arch}`);
  }
  for (const source of sources) {
    const same = found.filter((index) => index.source?.repository === source.repository);
    const missing = source.components.find((component) => !same.some((index) => index.component === component));
    if (missing !== undefined) throw noSuite(image, `no suite${of(source)} has the component ${missing}`);
  }
}

function of({ repository }: AptSource): string {
  return repository === null ? '' : ` of ${repository}`;
}

function noSuite({ name }: ImageConfig, what: string): LockstepError {
  return new LockstepError('E_APT_NO_SUITE', `image ${name}: ${what}`, {
    hint: 'correct `suites:`, `components:` or `arch:` of the image',
  });
}

const tab = '\t';

const format = ['index', '$(RELEASE)', '$(COMPONENT)', '$(REPO_URI)', '$(METAKEY)', '$(FILENAME)'].join(tab);

const listIndexes = `
lines=$(apt-get indextargets --format '${format}' 'Created-By: Packages')
while IFS= read -r line; do
  if [ -e "\${line##*${tab}}" ]; then echo "$line"; fi
done <<LINES
$lines
LINES
`;
