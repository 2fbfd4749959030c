/**
 * One file, and the directories above it, as a cpio archive in the format newc, which the kernel unpacks over what an
 * initramfs holds already (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
export function newc(name: string, content: string, mode: number): Buffer {
  return Buffer.concat([entry(name, Buffer.from(content), 0o100_000 | mode), entry('TRAILER!!!', Buffer.alloc(0), 0)]);
}

function entry(name: string, content: Buffer, mode: number): Buffer {
  const inode = name === 'TRAILER!!!' ? 0 : 0x10c57e9;
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(head, 'latin1')), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
