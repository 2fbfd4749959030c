import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { isLocal, localFile } from '../../apt/lockfile/local-debs.ts';
import type { OverlayConfig } from '../../config/types.ts';
import type { BuildInputs } from '../build.ts';

/**
 * The files and directories that a change of what an image is made from shows in, absolute; those that are there. A new
 * file shows in its directory, a new revision in git's log.
 */
export async function madeFrom(
  configFile: string,
  { image, lockfile, signing }: Pick<BuildInputs, 'image' | 'lockfile' | 'signing'>,
  repo: string,
): Promise<string[]> {
  const root = path.dirname(configFile);
  const overlays = await Promise.all(image.overlay.map((layer) => filesOf(layer, repo)));
  const debs = lockfile.packages.filter(isLocal).map((deb) => localFile(root, deb));
  const keys = signing === null ? [] : [signing.config.publicKey];
  const all = [configFile, image.lockfile, ...overlays.flat(), ...Object.values(image.run).flat(), ...debs, ...keys];
  const log = await revisionLog(root);
  const there = await Promise.all([...all, ...(log === null ? [] : [log])].map(existing));
  return there.filter((file) => file !== null);
}

async function filesOf(layer: OverlayConfig, repo: string): Promise<string[]> {
  if ('ref' in layer) return [path.join(layer.repo ?? repo, 'refs/heads', layer.ref)];
  const manifest = layer.manifest === null ? [] : [layer.manifest];
  const isDirectory = (await stat(layer.path).catch(() => null))?.isDirectory() ?? false;
  const inside = isDirectory ? await readdir(layer.path, { recursive: true, withFileTypes: true }) : [];
  // What a link leads to is not part of the overlay.
  const names = inside
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return [layer.path, ...names, ...manifest];
}

/** Its name differs in work trees of git, so git is asked. */
async function revisionLog(root: string): Promise<string | null> {
  const options = { cwd: root, reject: false, timeout: 20_000 } as const;
  const { exitCode, stdout } = await execa('git', ['rev-parse', '--git-path', 'logs/HEAD'], options);
  return exitCode === 0 ? path.resolve(root, stdout.trim()) : null;
}

async function existing(file: string): Promise<string | null> {
  return stat(file).then(
    () => file,
    () => null,
  );
}
