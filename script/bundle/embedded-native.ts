import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Plugin } from 'esbuild';

/** What the loader inside the bundle gets: for each package one addon for each `<platform>-<arch>`. */
export type EmbeddedAddons = Record<string, Record<string, { sha256: string; brotli: string }>>;

/** ELF machine numbers (`e_machine`), to see that a file is for the processor that its directory claims. */
const elfMachines: Record<string, number> = { x64: 62, arm64: 183 };

/**
 * The platforms whose addons travel in the bundle. linux-arm64 is not among them: node-liblzma has none for it, and the file
 * that lzma-native 8.0.6 ships under that name is the x64 one again.
 */
const platforms = ['linux-x64'];

/** The addon's file in the directory of a platform. */
const packages: Record<string, string> = { 'node-liblzma': 'node-liblzma.node', 'lzma-native': 'node.napi.node' };

/** Replaces `require('node-gyp-build')(directory)`, which looks for files beside it, by a loader with the addon inside. */
export function embeddedNative(root: string): Plugin {
  return {
    name: 'embedded-native',
    setup(build) {
      const loader = path.join(root, 'script/bundle/load-addon.ts');
      build.onResolve({ filter: /^node-gyp-build$/ }, ({ importer }) => ({
        path: packageOf(importer),
        namespace: 'lockstep-loader',
      }));
      build.onLoad({ filter: /^/, namespace: 'lockstep-loader' }, ({ path: name }) => ({
        contents: `module.exports = () => require(${JSON.stringify(loader)}).loadAddon(${JSON.stringify(name)});`,
        resolveDir: root,
      }));
      build.onResolve({ filter: /^lockstep:addons$/ }, () => ({ path: 'addons', namespace: 'lockstep' }));
      build.onLoad({ filter: /^addons$/, namespace: 'lockstep' }, async () => ({
        contents: JSON.stringify(await readAddons(path.join(root, 'node_modules'))),
        loader: 'json',
      }));
      build.onLoad({ filter: /node-liblzma\/lib\/lzma\.js$/ }, async ({ path: file }) => ({
        contents: withImportedLoader(await readFile(file, 'utf8')),
        loader: 'js',
      }));
    },
  };
}

/** node-liblzma makes a `require` of its own, which a bundler does not look into. */
function withImportedLoader(code: string): string {
  const asked = /const __filename = [\s\S]*require\('node-gyp-build'\)\(bindingPath\);/;
  if (!asked.test(code)) throw new Error('node-liblzma loads its addon otherwise than it did');
  return `import loadEmbedded from 'node-gyp-build';\n${code.replace(asked, 'const liblzma = loadEmbedded();')}`;
}

function packageOf(importer: string): string {
  const name = Object.keys(packages).find((known) => importer.includes(`node_modules/${known}/`));
  if (name === undefined) throw new Error(`${importer} has a native addon that the bundle does not know`);
  return name;
}

async function readAddons(directory: string): Promise<EmbeddedAddons> {
  const addons: EmbeddedAddons = {};
  for (const [name, file] of Object.entries(packages)) {
    const ofPackage: EmbeddedAddons[string] = {};
    for (const platform of platforms) {
      const bytes = await readFile(path.join(directory, name, 'prebuilds', platform, file));
      assertMachine(bytes, platform);
      ofPackage[platform] = {
        sha256: createHash('sha256').update(bytes).digest('hex'),
        brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).toString('base64'),
      };
    }
    addons[name] = ofPackage;
  }
  return addons;
}

function assertMachine(bytes: Buffer, platform: string): void {
  const wanted = elfMachines[platform.split('-')[1] ?? ''];
  const found = bytes.readUInt16LE(18);
  if (found !== wanted) throw new Error(`The addon for ${platform} is for ELF machine ${found}, not ${wanted}`);
}
