const magic = '070701';
const headerLength = 110;

/**
 * The files of a cpio archive in the format newc, as an unpacked initramfs is one (the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst): content by name.
 */
export function readNewc(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; ; ) {
    if (archive.toString('latin1', at, at + magic.length) !== magic) throw new Error(`no newc header at ${at}`);
    const size = numberAt(archive, at, 6);
    const nameLength = numberAt(archive, at, 11);
    const name = archive.toString('utf8', at + headerLength, at + headerLength + nameLength - 1);
    if (name === 'TRAILER!!!') return files;
    const start = aligned(at + headerLength + nameLength);
    files.set(name, archive.subarray(start, start + size));
    at = aligned(start + size);
  }
}

/** The numbers of a header: 13 of 8 hexadecimal digits each. */
function numberAt(archive: Buffer, at: number, index: number): number {
  const start = at + magic.length + 8 * index;
  return Number.parseInt(archive.toString('latin1', start, start + 8), 16);
}

const aligned = (offset: number) => (offset + 3) & ~3;
