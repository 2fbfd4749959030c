import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { writeLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { resolveImage } from '../../src/apt/resolve.ts';
import { loadConfig } from '../../src/config/load.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { lockstep } from './lockstep.ts';
import { temporaryDirectory } from './projects.ts';
import { baseOf, download } from './torn-suites.ts';

/**
 * Resolves a project, even while this machine's mirror serves suites whose index is not the one that their signed list
 * names: then from an archive of the test's own that signs the indexes as they are served. Says so.
 */
export async function resolveAnyhow(dir: string): Promise<void> {
  const { exitCode, outcome, stderr } = await lockstep(dir, ['update', '--toolbox', 'host']);
  if (exitCode === 0) return;
  if (outcome.code !== 'E_APT_INCONSISTENT') throw new Error(stderr);
  console.error(
    '      the mirror’s indexes do not match their signed lists now: resolved from them as they are served',
  );
  await resolveServed(dir);
}

/** From the mirror's indexes as they are served, signed by a key of the test's own. */
export async function resolveServed(dir: string): Promise<void> {
  const workspace = workspaceOf(dir);
  const signal = new AbortController().signal;
  const toolbox = await openHostToolbox({ workspace, root: dir, signal });
  const archive = await LoopbackArchive.open();
  try {
    for (const image of (await loadConfig(dir)).images) {
      for (const suite of image.suites) await republish(archive, suite, image.arch);
      const resolved = await resolveImage(
        { ...image, mirror: archive.url },
        { toolbox, workspace, keyring: archive.keyring },
      );
      await writeLockfile(image.lockfile, resolved.text);
    }
  } finally {
    await archive.close();
    await toolbox.close();
  }
}

async function republish(archive: LoopbackArchive, suite: string, arch: string): Promise<void> {
  const file = path.join(await temporaryDirectory('served'), 'Packages.xz');
  const packed = await download(`${await baseOf(suite)}/dists/${suite}/main/binary-${arch}/Packages.xz`, file);
  await writeFile(file, packed);
  const { stdout } = await execa('xz', ['--decompress', '--stdout', file], { maxBuffer: 1024 ** 3 });
  const packages = stdout.split('\n\n').filter((stanza) => stanza.trim() !== '');
  const area = suite.endsWith('-security') ? 'debian-security' : 'debian';
  await archive.publish(suite, { arch, area, packages: packages.map((stanza) => `${stanza.trimEnd()}\n`) });
}
