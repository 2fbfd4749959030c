import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { DeviceFiles } from './files.ts';
import { rootSector, sectorSize } from './layout.ts';

const blockSize = 4096;

/**
 * Changes one byte of a file in the disk of a device that is off, as a medium that fails would: past the file system, which
 * sees nothing of it. `file` is a path on the root file system, such as /ostree/repo/objects/….
 */
export async function corruptBlock(toolbox: Toolbox, files: DeviceFiles, file: string): Promise<void> {
  const offset = rootSector * sectorSize;
  const argv = ['debugfs', '-R', `blocks "${file}"`, `${files.disk}?offset=${offset}`];
  const { stdout, stderr } = await toolbox.run(argv, { check: false });
  const block = Number(stdout.trim().split(/\s+/)[0]);
  if (!Number.isInteger(block) || block <= 0) {
    throw new LockstepError('E_TOOL_FAILED', `${files.disk} has no blocks for ${file}: ${stderr.trim()}`);
  }
  // All bits of the first byte.
  const script = `
    byte=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
    printf "\\\\$(printf '%03o' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none`;
  await toolbox.run(['sh', '-euc', script, 'sh', files.disk, String(offset + block * blockSize)]);
}
