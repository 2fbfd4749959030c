import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { workspaceOf } from '../../src/config/workspace.ts';
import { ostree } from '../e2e/projects.ts';
import { makeKey } from '../image/gpg-keys.ts';
import { makeImages } from './images.ts';

const unknownKey = `SHA256:${'A'.repeat(43)}`;

/** Where the link to the device is, and the host key that it shows; neither matters before it is up. */
export function benchConfig({ port, hostKey } = { port: 1, hostKey: unknownKey }): string {
  const there = `host: 127.0.0.1, port: ${port}, user: root, identity: .lockstep/devices/virt-1/id_ed25519`;
  return `images:
  panel:
    arch: armhf
    suites: [bookworm]
    packages: [systemd-sysv]
devices:
  virt-1: {virtual: true}
  bench: {${there}, hostKey: "${hostKey}"}
  other: {${there}, hostKey: "${unknownKey}"}
`;
}

/** A project with the commits that are deployed, made from `panel/armhf` of another repository. */
export async function makeProject(dir: string, source: string, random: () => number): Promise<void> {
  await mkdir(workspaceOf(dir).dir, { recursive: true });
  await writeFile(path.join(dir, 'lockstep.yml'), benchConfig());
  await ostree(dir, 'init', '--mode=bare');
  await ostree(dir, 'pull-local', source, 'panel/armhf');
  await makeImages(dir, await makeKey(), await makeKey(), random);
}
