/**
 * As much of the GVariant serialisation as ostree's detached metadata need: `a{sv}` and `aay` (GVariant specification, 2.3
 * to 2.5). Offsets are little-endian, of one, two, four or eight bytes by the size of the container that they end.
 */

/** A value whose type is known by its name only. */
export interface Variant {
  /** Type string, such as `aay`. */
  type: string;
  data: Buffer;
}

/** Variants are aligned to as many bytes, wherever they stand. */
const alignment = 8;

/** Reads an `a{sv}`. Throws RangeError when the bytes are not one. */
export function decodeDictionary(bytes: Buffer): Map<string, Variant> {
  return new Map(elements(bytes, alignment).map(decodeEntry));
}

export function encodeDictionary(entries: ReadonlyMap<string, Variant>): Buffer {
  return array([...entries].map(encodeEntry), alignment);
}

/** Reads an `aay`. */
export function decodeByteArrays(bytes: Buffer): Buffer[] {
  return elements(bytes, 1);
}

export function encodeByteArrays(items: readonly Buffer[]): Buffer {
  return array(items, 1);
}

function decodeEntry(bytes: Buffer): [string, Variant] {
  const offset = offsetSize(bytes.length);
  const keyEnd = readOffset(bytes, bytes.length - offset, offset);
  if (keyEnd < 1 || keyEnd > bytes.length - offset) throw damaged();
  const value = bytes.subarray(aligned(keyEnd, alignment), bytes.length - offset);
  const separator = value.lastIndexOf(0);
  if (separator < 0) throw damaged();
  const variant = { type: value.toString('latin1', separator + 1), data: value.subarray(0, separator) };
  return [bytes.toString('utf8', 0, keyEnd - 1), variant];
}

function encodeEntry([key, { type, data }]: [string, Variant]): Buffer {
  const name = Buffer.from(`${key}\0`);
  const body = Buffer.concat([pad(name, alignment), data, Buffer.from(`\0${type}`, 'latin1')]);
  return withOffsets(body, [name.length]);
}

/** Cuts an array of elements of variable size at the offsets of their ends, which stand behind them. */
export function elements(bytes: Buffer, align: number): Buffer[] {
  if (bytes.length === 0) return [];
  const size = offsetSize(bytes.length);
  const first = readOffset(bytes, bytes.length - size, size);
  if (first > bytes.length - size || (bytes.length - first) % size !== 0) throw damaged();
  const found: Buffer[] = [];
  for (let at = first, start = 0; at < bytes.length; at += size) {
    const end = readOffset(bytes, at, size);
    if (end < start || end > first) throw damaged();
    found.push(bytes.subarray(start, end));
    start = aligned(end, align);
  }
  return found;
}

function array(items: readonly Buffer[], align: number): Buffer {
  let body = Buffer.alloc(0);
  const ends = items.map((item) => {
    body = Buffer.concat([pad(body, align), item]);
    return body.length;
  });
  return withOffsets(body, ends);
}

/** A container: its bytes, then the ends of elements. */
export function withOffsets(body: Buffer, ends: readonly number[]): Buffer {
  return Buffer.concat([body, framingOffsets(body.length, ends)]);
}

/** What stands behind a container's `length` bytes. An offset's size depends on the size of the whole, offsets included. */
export function framingOffsets(length: number, ends: readonly number[]): Buffer {
  const size = [1, 2, 4].find((each) => offsetSize(length + each * ends.length) === each) ?? 8;
  const offsets = Buffer.alloc(size * ends.length);
  for (const [index, end] of ends.entries()) offsets.writeUIntLE(end, index * size, Math.min(size, 6));
  return offsets;
}

function offsetSize(length: number): number {
  if (length <= 0xff) return 1;
  if (length <= 0xffff) return 2;
  return length <= 0xffff_ffff ? 4 : 8;
}

function readOffset(bytes: Buffer, at: number, size: number): number {
  return bytes.readUIntLE(at, Math.min(size, 6));
}

function aligned(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

function pad(bytes: Buffer, align: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length, align) - bytes.length)]);
}

/** The ends of a tuple's first `count` members of variable size, in their order, and where all members end. */
export function memberEnds(bytes: Buffer, count: number): [ends: number[], end: number] {
  const size = offsetSize(bytes.length);
  const end = bytes.length - count * size;
  if (end < 0) throw damaged();
  const ends = Array.from({ length: count }, (_, index) => readOffset(bytes, bytes.length - (index + 1) * size, size));
  if (ends.some((each, index) => each > end || each < (ends[index - 1] ?? 0))) throw damaged();
  return [ends, end];
}

function damaged(): RangeError {
  return new RangeError('not a GVariant of the expected type');
}
