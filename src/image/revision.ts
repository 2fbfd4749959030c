import path from 'node:path';
import { execa } from 'execa';
import type { ImageConfig } from '../config/types.ts';

/**
/**
 * The commit that last touched what the image is made from: lockstep.yml, its lockfile, overlays, scripts and the key that
 * it carries. It stays the same while unrelated files of the project change, and so does the image. Null outside version
 * control; `-dirty` is appended while those files hold uncommitted changes.
 */
export async function sourceRevision(
  configFile: string,
  image: ImageConfig,
  carried: readonly string[] = [],
): Promise<string | null> {
  const inputs = [configFile, image.lockfile, ...filesOf(image), ...carried];
  const cwd = path.dirname(configFile);
  const revision = await git(cwd, ['log', '-1', '--format=%H', '--', ...inputs]);
  if (revision === null || revision === '') return null;
  const changes = await git(cwd, ['status', '--porcelain', '--', ...inputs]);
  return changes === '' ? revision : `${revision}-dirty`;
}

async function git(cwd: string, args: string[]): Promise<string | null> {
  const { exitCode, stdout } = await execa('git', args, { cwd, reject: false, timeout: 20_000 });
  return exitCode === 0 ? stdout.trim() : null;
}

/** Files of the project that the image is made from. A repository that an overlay comes from is no file of the project. */
function filesOf({ overlay, run }: ImageConfig): string[] {
  const layers = overlay.flatMap((layer) => ('ref' in layer ? [] : [layer.path, layer.manifest]));
  return [...layers.filter((file) => file !== null), ...Object.values(run).flat()];
}
