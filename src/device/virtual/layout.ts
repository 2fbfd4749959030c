/**
 * How the disk of a virtual device is laid out: a DOS label, one small partition for the boot counter, one ext4 for all
 * else. The bootable flag is what makes U-Boot's `distro_bootcmd` look for a script on the second.
 */
export const sectorSize = 512;
/** First sector of the counter's partition, which is where the counter is. */
export const counterSector = 2048;
export const rootSector = 4096;
const labelId = '10c57e90';

/** The counter as Linux finds it: by the label's id and the partition's number. */
export const counterPath = `/dev/disk/by-partuuid/${labelId}-01`;

/** Input of sfdisk. */
export const partitionTable = `label: dos
label-id: 0x${labelId}
start=${counterSector}, size=${rootSector - counterSector}, type=da
start=${rootSector}, type=83, bootable
`;

/** Blocks of 4 KiB that the root file system has on a disk of `mebibytes`. */
export function rootBlocks(mebibytes: number): number {
  return (mebibytes * 1024 * 1024 - rootSector * sectorSize) / 4096;
}
