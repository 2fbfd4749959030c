/** A member to write. Names hold one character for each byte (latin1). */
export interface TarMember {
  name: string;
  type: keyof typeof typeFlags;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the body; 0 for all but files. */
  size: number;
  linkname?: string;
}

const typeFlags = { file: '0', link: '1', symlink: '2', directory: '5' } as const;
const block = 512;
const nameLength = 100;

/**
 * The header of a member in GNU format (tar(5)), which carries names as plain bytes: tar-stream's own writer would put
 * them into PAX records as UTF-8, and turn mode 0 into 0644. Names too long for the header go into records of type L and
 * K before it. Times are 0.
 */
export function gnuHeader(member: TarMember): Buffer {
  const name = member.type === 'directory' && !member.name.endsWith('/') ? `${member.name}/` : member.name;
  const parts: Buffer[] = [];
  if (name.length > nameLength) parts.push(longName('L', name));
  if ((member.linkname ?? '').length > nameLength) parts.push(longName('K', member.linkname ?? ''));
  parts.push(header({ ...member, name, flag: typeFlags[member.type] }));
  return Buffer.concat(parts);
}

/** Zeros that fill the last block of a body. */
export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

/** Two blocks of zeros end a tar. */
export const endOfTar: Buffer = Buffer.alloc(2 * block);

function longName(flag: string, name: string): Buffer {
  const body = Buffer.from(`${name}\0`, 'latin1');
  const record = header({ name: '././@LongLink', flag, mode: 0, uid: 0, gid: 0, size: body.length });
  return Buffer.concat([record, body, padding(body.length)]);
}

function header(fields: Omit<TarMember, 'type'> & { flag: string }): Buffer {
  const buffer = Buffer.alloc(block);
  buffer.write(fields.name, 0, nameLength, 'latin1');
  number(buffer, fields.mode, 100, 8);
  number(buffer, fields.uid, 108, 8);
  number(buffer, fields.gid, 116, 8);
  number(buffer, fields.size, 124, 12);
  number(buffer, 0, 136, 12);
  buffer.write(fields.flag, 156, 'latin1');
  buffer.write(fields.linkname ?? '', 157, nameLength, 'latin1');
  buffer.write('ustar  \0', 257, 'latin1');
  buffer.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of buffer) sum += byte;
  buffer.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return buffer;
}

/** Octal digits and a NUL; base 256 with the first bit set where those do not suffice. */
function number(buffer: Buffer, value: number, at: number, length: number): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    buffer.write(`${digits.padStart(length - 1, '0')}\0`, at, 'latin1');
    return;
  }
  buffer.writeBigUInt64BE(BigInt(value), at + length - 8);
  buffer[at] = (buffer[at] ?? 0) | 0x80;
}
