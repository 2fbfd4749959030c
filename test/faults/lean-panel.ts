import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { lockstepOk } from '../e2e/lockstep.ts';
import { linkedCopy } from '../e2e/panel-copy.ts';
import { builtPanel } from '../e2e/projects.ts';

/** What a virtual device needs to find its root: it boots a third sooner without all else that Debian's dracut takes along. */
const dracutConfig = `drivers=" virtio_mmio virtio_blk virtio_net ext4 "
omit_dracutmodules+=" crypt dm kernel-modules-extra lunmask nvdimm overlay-root qemu resume terminfo virtiofs "
`;

/**
 * A repository with `panel/armhf`: the example with an initramfs for virtual devices alone, since these plays are mostly
 * boots. LOCKSTEP_TEST_REPO names one that is there, to save time when working on them.
 */
export async function leanPanel(): Promise<string> {
  const { LOCKSTEP_TEST_REPO: there } = process.env;
  if (there !== undefined) return there;
  const dir = await linkedCopy(await builtPanel(), 'lean');
  await mkdir(path.join(dir, 'overlay/etc/dracut.conf.d'), { recursive: true });
  await writeFile(path.join(dir, 'overlay/etc/dracut.conf.d/50-virtual.conf'), dracutConfig);
  await lockstepOk(dir, ['build', '--toolbox', 'host']);
  return path.join(dir, '.lockstep/repo');
}
