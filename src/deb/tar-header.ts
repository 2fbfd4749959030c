/** What is wrong with a tar, without knowing whose it is: callers add the package's name. */
export class TarError extends Error {
  /** Of the member that the message names. */
  readonly path: string | null;

  constructor(message: string, path: string | null = null) {
    super(message);
    this.path = path;
  }
}

/** A header block as it stands. Names hold one character for each byte (latin1), so that no byte is lost. */
export interface TarHeader {
  name: string;
  linkname: string;
  /** The type flag: `0` a file, `5` a directory, … */
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
}

export const blockLength = 512;

/** GNU tar writes `ustar  `, whose place for a prefix holds other things; POSIX `ustar`, with a prefix. */
const posixMagic = 'ustar\0';

/**
 * Reads a header block (tar(5)): ustar, GNU, and the older kind without magic. null for a block of zeros, which ends a tar.
 * Throws TarError for anything else.
 */
export function parseHeader(block: Buffer, offset: number): TarHeader | null {
  const [unsigned, signed] = sums(block);
  if (unsigned === 8 * 32 && block.every((byte) => byte === 0)) return null;
  const noted = number(block, 148, 8, offset);
  if (noted !== unsigned && noted !== signed) throw new TarError(`the tar header at byte ${offset} is damaged`);
  const name = string(block, 0, 100);
  const prefix = block.toString('latin1', 257, 263) === posixMagic ? string(block, 345, 155) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkname: string(block, 157, 100),
    flag: block[156] === 0 ? '0' : String.fromCharCode(block[156] ?? 0),
    mode: number(block, 100, 8, offset) & 0o7777,
    uid: owner(block, 108, offset),
    gid: owner(block, 116, offset),
    size: number(block, 124, 12, offset),
  };
}

/** A number in octal digits, or in base 256 where the first bit says so (GNU tar, for what needs more digits). */
export function number(block: Buffer, at: number, length: number, offset: number): number {
  const first = block[at] ?? 0;
  if (first >= 0x80) {
    let value = first & 0x7f;
    for (let index = at + 1; index < at + length; index += 1) value = value * 256 + (block[index] ?? 0);
    if (first === 0xff || !Number.isSafeInteger(value))
      throw new TarError(`the tar header at byte ${offset} has a number out of range`);
    return value;
  }
  const digits = string(block, at, length).trim();
  if (!/^[0-7]*$/.test(digits))
    throw new TarError(`the tar header at byte ${offset} has ${JSON.stringify(digits)} for a number`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function owner(block: Buffer, at: number, offset: number): number {
  const value = number(block, at, 8, offset);
  if (value > 0xffff_fffe) throw new TarError(`the tar header at byte ${offset} has an owner out of range`);
  return value;
}

function string(block: Buffer, at: number, length: number): string {
  const end = block.subarray(at, at + length).indexOf(0);
  return block.toString('latin1', at, at + (end === -1 ? length : end));
}

/** Sums of the bytes with the checksum's own place taken for spaces; some old tars added them up as signed. */
function sums(block: Buffer): [unsigned: number, signed: number] {
  let [unsigned, high] = [8 * 32, 0];
  for (let index = 0; index < blockLength; index += 1) {
    if (index === 148) index = 156;
    const byte = block[index] ?? 0;
    unsigned += byte;
    if (byte >= 0x80) high += 1;
  }
  return [unsigned, unsigned - 256 * high];
}
