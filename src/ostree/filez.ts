import { memberEnds, withOffsets } from './gvariant.ts';
import { text, tuple, uint32, uint64 } from './gvariant-values.ts';
import { type Attributes, fileHeader, kindBits, symlinkHeader, xattrArray } from './objects.ts';

/** A content object as a bare repository keeps it: a file or symbolic link with its owner, mode and extended attributes. */
export interface ContentObject {
  kind: 'file' | 'symlink';
  attributes: Attributes;
  /** Of the content, in bytes; 0 of a link. */
  size: number;
  /** Target of a link, one character for each byte (latin1); empty of a file. */
  target: string;
}

/**
 * What stands before the deflated content in an object of an archive repository, `.filez`: `(tuuuusa(ayay))` behind its length, which is
 * padded to 8 (ostree-core.c, `_ostree_zlib_file_header_new`).
 */
export function filezHeader({ kind, attributes, size, target }: ContentObject): Buffer {
  const { uid, gid, mode, xattrs } = attributes;
  // A link has no permissions: on Linux they read as 0777.
  const fullMode = kindBits[kind] | (kind === 'symlink' ? 0o777 : mode);
  const numbers = [uint64(size), uint32(uid), uint32(gid), uint32(fullMode), uint32(0)];
  return framed(tuple([...numbers, text(target), xattrArray(xattrs)]).bytes);
}

/** What the object's checksum covers before the content. */
export function bareHeader({ kind, attributes, target }: ContentObject): Buffer {
  return kind === 'symlink' ? symlinkHeader(attributes, target) : fileHeader(attributes);
}

/** A `.filez` in its parts, the header as the checksum covers it: without the size, which stands first. Throws RangeError when it is none. */
export function splitFilez(bytes: Buffer): { header: Buffer; packed: Buffer } {
  const end = 8 + bytes.readUInt32BE(0);
  if (end > bytes.length) throw new RangeError('cut off in its header');
  const variant = bytes.subarray(8, end);
  const [[targetEnd = 0], membersEnd] = memberEnds(variant, 1);
  const header = withOffsets(variant.subarray(8, membersEnd), [targetEnd - 8]);
  return { header: framed(header), packed: bytes.subarray(end) };
}

/** A variant behind its length, which is padded to 8 bytes. */
function framed(variant: Buffer): Buffer {
  return Buffer.concat([uint32(variant.length).bytes, Buffer.alloc(4), variant]);
}
