import { withOffsets } from './gvariant.ts';

/**
 * Serialised GVariant values by their type, as much as ostree's objects need. Format: "GVariant Specification 1.0" (GLib):
 * members one after the other at their alignment, then the ends of those whose length is not fixed, little-endian and as narrow as the whole
 * allows; those of a tuple in reverse order and without the last member's.
 */
export interface Value {
  bytes: Buffer;
  /** Of the type, in bytes. */
  alignment: 1 | 4 | 8;
  /** Whether every value of the type has this length. */
  fixed: boolean;
}

/** `u`, big-endian as ostree stores its numbers. */
export function uint32(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return { bytes, alignment: 4, fixed: true };
}

/** `t`, big-endian. */
export function uint64(value: number): Value {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return { bytes, alignment: 8, fixed: true };
}

/** `u` and `t` in the order of the machine that wrote them, little-endian: parts of static deltas alone have such numbers. */
export function nativeUint32(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return { bytes, alignment: 4, fixed: true };
}

export function nativeUint64(value: number): Value {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return { bytes, alignment: 8, fixed: true };
}

/** `y`. */
export function byte(value: number): Value {
  return { bytes: Buffer.from([value]), alignment: 1, fixed: true };
}

/** `s`, of a text that holds one character for each byte (latin1). */
export function text(value: string): Value {
  return byteArray(Buffer.from(`${value}\0`, 'latin1'));
}

/** `ay`. */
export function byteArray(bytes: Buffer): Value {
  return { bytes, alignment: 1, fixed: false };
}

/** An array of values whose type has no fixed length and this alignment. */
export function array(elements: readonly Value[], alignment: Value['alignment'] = 1): Value {
  const body: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const { bytes } of elements) {
    const gap = (alignment - (end % alignment)) % alignment;
    if (gap > 0) body.push(Buffer.alloc(gap));
    body.push(bytes);
    end += gap + bytes.length;
    ends.push(end);
  }
  return { bytes: withOffsets(Buffer.concat(body), ends), alignment, fixed: false };
}

/** An empty `a{sv}`. */
export const emptyDictionary: Value = { bytes: Buffer.alloc(0), alignment: 8, fixed: false };

/** A tuple of which at least one member has no fixed length. */
export function tuple(members: readonly Value[]): Value {
  const body: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  members.forEach(({ bytes, alignment, fixed }, index) => {
    const gap = (alignment - (end % alignment)) % alignment;
    body.push(Buffer.alloc(gap), bytes);
    end += gap + bytes.length;
    if (!fixed && index < members.length - 1) ends.unshift(end);
  });
  const alignment = ([8, 4] as const).find((size) => members.some((member) => member.alignment === size)) ?? 1;
  return { bytes: withOffsets(Buffer.concat(body), ends), alignment, fixed: false };
}
