import path from 'node:path';

/**
 * Where lockstep keeps things in a project. All of it is under `.lockstep` and can be deleted; the lockfiles beside
 * lockstep.yml are the only other files it writes.
 */
export interface Workspace {
  /** `.lockstep` */
  dir: string;
  /** The build repository (mode bare): refs `dpkg/data/<sha256>`, `dpkg/control/<sha256>`, `<image>/<arch>`. */
  repo: string;
  /** The same commits in archive mode, as devices pull them. */
  archive: string;
  /** Private apt roots, one for each image. */
  apt: string;
  /** Scratch space; what is in it belongs to a run at work or to one that died. */
  work: string;
  /** Results of the last run: result.json, junit/, report/, devices/<name>/. */
  run: string;
  /** What each image is made of: `<image>.cdx.json` (CycloneDX) and `<image>.spdx.json` (SPDX). */
  sbom: string;
  /** State of virtual devices: disk, keys, console.log. */
  devices: string;
}

export function workspaceOf(root: string): Workspace {
  const dir = path.join(root, '.lockstep');
  const at = (name: string) => path.join(dir, name);
  return {
    dir,
    repo: at('repo'),
    archive: at('archive'),
    apt: at('apt'),
    work: at('work'),
    run: at('run'),
    sbom: at('sbom'),
    devices: at('devices'),
  };
}
