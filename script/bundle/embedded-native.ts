import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Plugin } from 'esbuild';

/** What the loader inside the bundle gets: one addon for each `<platform>-<arch>`. */
export type EmbeddedAddons = Record<string, { sha256: string; brotli: string }>;

/** ELF machine numbers (`e_machine`), to see that a file is for the processor that its directory claims. */
const elfMachines: Record<string, number> = { x64: 62, arm64: 183 };

/**
 * The platforms whose addon travels in the bundle. linux-arm64 is not among them: the file that lzma-native 8.0.6 ships
 * under that name is the x64 one again.
 */
const platforms = ['linux-x64'];

/** Replaces `require('node-gyp-build')(directory)`, which looks for files beside it, by a loader with the addon inside. */
export function embeddedNative(root: string): Plugin {
  return {
    name: 'embedded-native',
    setup(build) {
      const loader = path.join(root, 'script/bundle/load-addon.ts');
      build.onResolve({ filter: /^node-gyp-build$/ }, () => ({ path: 'loader', namespace: 'lockstep' }));
      build.onLoad({ filter: /^loader$/, namespace: 'lockstep' }, () => ({
        contents: `module.exports = require(${JSON.stringify(loader)}).loadAddon;`,
        resolveDir: root,
      }));
      build.onResolve({ filter: /^lockstep:addons$/ }, () => ({ path: 'addons', namespace: 'lockstep' }));
      build.onLoad({ filter: /^addons$/, namespace: 'lockstep' }, async () => ({
        contents: JSON.stringify(await readAddons(path.join(root, 'node_modules/lzma-native/prebuilds'))),
        loader: 'json',
      }));
    },
  };
}

async function readAddons(directory: string): Promise<EmbeddedAddons> {
  const addons: EmbeddedAddons = {};
  for (const platform of platforms) {
    const bytes = await readFile(path.join(directory, platform, 'node.napi.node'));
    assertMachine(bytes, platform);
    addons[platform] = {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).toString('base64'),
    };
  }
  return addons;
}

function assertMachine(bytes: Buffer, platform: string): void {
  const wanted = elfMachines[platform.split('-')[1] ?? ''];
  const found = bytes.readUInt16LE(18);
  if (found !== wanted) throw new Error(`The addon for ${platform} is for ELF machine ${found}, not ${wanted}`);
}
