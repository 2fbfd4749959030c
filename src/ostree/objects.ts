import { createHash } from 'node:crypto';
import { array, byteArray, emptyDictionary, text, tuple, uint32, uint64, type Value } from './gvariant-values.ts';

/**
 * The bytes of ostree's objects, and the checksums that name them. Formats: ostree-core.h (`OSTREE_DIRMETA_GVARIANT_FORMAT`
 * and the like) and "Anatomy of an OSTree repository". Names and targets hold one character for each byte (latin1).
 */
export interface Attributes {
  uid: number;
  gid: number;
  /** Permissions alone; what kind of thing it is says the object. */
  mode: number;
  xattrs: readonly Xattr[];
}

export interface Xattr {
  /** With its namespace: `security.capability`. */
  name: string;
  value: Buffer;
}

export type MetadataKind = 'dirmeta' | 'dirtree' | 'commit';

/** A directory inside a dirtree: the checksums of its own dirtree and dirmeta. */
export interface SubtreeObjects {
  tree: string;
  meta: string;
}

export const kindBits = { file: 0o100000, symlink: 0o120000, directory: 0o040000 };

/** What a content object's checksum covers before the content: `(uuuusa(ayay))` behind its length, which is padded to 8. */
export function fileHeader(attributes: Attributes): Buffer {
  return contentHeader(attributes, kindBits.file, '');
}

/** The same for a symbolic link, which has no content. A link has no permissions: on Linux they read as 0777. */
export function symlinkHeader(attributes: Attributes, target: string): Buffer {
  return contentHeader({ ...attributes, mode: 0o777 }, kindBits.symlink, target);
}

function contentHeader({ uid, gid, mode, xattrs }: Attributes, kind: number, target: string): Buffer {
  const members = [uint32(uid), uint32(gid), uint32(kind | mode), uint32(0), text(target), xattrArray(xattrs)];
  const { bytes } = tuple(members);
  return Buffer.concat([uint32(bytes.length).bytes, Buffer.alloc(4), bytes]);
}

/** `(uuua(ayay))`. */
export function dirMeta({ uid, gid, mode, xattrs }: Attributes): Buffer {
  return tuple([uint32(uid), uint32(gid), uint32(kindBits.directory | mode), xattrArray(xattrs)]).bytes;
}

/** `(a(say)a(sayay))`: both sorted by the bytes of their names. */
export function dirTree(files: ReadonlyMap<string, string>, directories: ReadonlyMap<string, SubtreeObjects>): Buffer {
  const entries = sorted(files).map(([name, checksum]) => tuple([text(name), checksumBytes(checksum)]));
  const subtrees = sorted(directories).map(([name, { tree, meta }]) =>
    tuple([text(name), checksumBytes(tree), checksumBytes(meta)]),
  );
  return tuple([array(entries), array(subtrees)]).bytes;
}

/** `(a{sv}aya(say)sstayay)`, without metadata, parent and body, at the time 0: it depends on subject and tree alone. */
export function commitOf(subject: string, { tree, meta }: SubtreeObjects): Buffer {
  const [none, emptyText] = [byteArray(Buffer.alloc(0)), text('')];
  const name = text(Buffer.from(subject).toString('latin1'));
  const root = [checksumBytes(tree), checksumBytes(meta)];
  return tuple([emptyDictionary, none, none, name, emptyText, uint64(0), ...root]).bytes;
}

/** Of metadata objects the plain sha256. */
export function checksumOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where an object lies below a repository's `objects`. */
export function objectName(checksum: string, kind: MetadataKind | 'file'): string {
  return `${checksum.slice(0, 2)}/${checksum.slice(2)}.${kind}`;
}

/** `a(ayay)`, sorted by name. */
export function xattrArray(xattrs: readonly Xattr[]): Value {
  const sortedByName = [...xattrs].sort((a, b) => (a.name < b.name ? -1 : 1));
  return array(sortedByName.map(({ name, value }) => tuple([text(name), byteArray(value)])));
}

function checksumBytes(checksum: string): Value {
  return byteArray(Buffer.from(checksum, 'hex'));
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
