import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeLockfile } from '../apt/lockfile/lockfile.ts';
import { readProvenance } from '../apt/provenance/provenance-file.ts';
import type { Workspace } from '../config/workspace.ts';
import type { BuildInputs, BuiltImage } from '../image/build.ts';
import { sourceDateEpoch } from '../image/stage.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { billOf } from './bill.ts';
import { distributionOf } from './distribution.ts';
import { billUuid } from './uuid.ts';

/** Absolute paths of an image's bills of material. */
export interface SbomFiles {
  cyclonedx: string;
  spdx: string;
}

interface SbomServices {
  workspace: Pick<Workspace, 'sbom' | 'repo'>;
  toolbox: Toolbox;
  environment: NodeJS.ProcessEnv;
}

/** Writes what a built image is made of, unless it is written already. The same commit gives the same bytes. */
export async function writeSboms(
  { image, lockfile, revision }: Pick<BuildInputs, 'image' | 'lockfile' | 'revision'>,
  { name, ref, commit, version }: Pick<BuiltImage, 'name' | 'ref' | 'commit' | 'version'>,
  { workspace, toolbox, environment }: SbomServices,
): Promise<SbomFiles> {
  const recorded = await readProvenance(image);
  const known = {
    image: { name, version, ref, commit, lockDigest: lockfile.digest, revision },
    provenance: recorded?.lockDigest === lockfile.digest ? recorded : null,
    time: timeOf(environment),
  };
  const uuid = billUuid(known);
  const file = (format: string) => path.join(workspace.sbom, `${name}.${format}.json`);
  const files = { cyclonedx: file('cdx'), spdx: file('spdx') };
  if (await areThere(files, uuid)) return files;
  const place = { repo: workspace.repo, checksum: commit };
  const distribution = await distributionOf(toolbox, place, image.suites[0] ?? '');
  const bill = billOf({ ...known, uuid, distribution, packages: lockfile.packages });
  // The library for CycloneDX is large, and nothing else needs it.
  const [{ cycloneDx }, { spdx }] = await Promise.all([import('./cyclonedx.ts'), import('./spdx.ts')]);
  await mkdir(workspace.sbom, { recursive: true });
  await writeLockfile(files.cyclonedx, cycloneDx(bill));
  await writeLockfile(files.spdx, spdx(bill));
  return files;
}

/** Files are whole when they are there, since they are renamed to their names. */
async function areThere(files: SbomFiles, uuid: string): Promise<boolean> {
  const texts = await Promise.all(Object.values(files).map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.every((text) => text.includes(`"urn:uuid:${uuid}"`));
}

/** The time of the build, which stands still: that of the commit's own programs, unless the environment sets another. */
function timeOf({ SOURCE_DATE_EPOCH: wanted }: NodeJS.ProcessEnv): number {
  return Number(wanted !== undefined && /^\d{1,11}$/.test(wanted) ? wanted : sourceDateEpoch);
}
