import type { Xattr } from '../ostree/objects.ts';
import { printable } from './package.ts';
import { type PaxRecords, parsePax, paxNumber, xattrsOf } from './pax.ts';
import { SparseBody } from './sparse-body.ts';
import { gnuPieces, paxSparseMap, piecesLimit, type SparseMap } from './sparse-map.ts';
import { blockLength, number, parseHeader, TarError, type TarHeader } from './tar-header.ts';

/** A member of a tar, its extension headers taken into account. */
export interface TarMember {
  /** One character for each byte (latin1), as are link targets. */
  name: string;
  linkname: string;
  /** `unknown`: the type flag is not one of tar's. */
  type: 'file' | 'link' | 'symlink' | 'character device' | 'block device' | 'directory' | 'fifo' | 'unknown';
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the file, holes included. */
  size: number;
  xattrs: Xattr[];
}

/** Is told what a tar holds. What it throws ends the reading. */
export interface TarVisitor {
  begin(member: TarMember): void;
  /** A piece of a file's content. */
  content(bytes: Buffer): void;
  /** So many zeros that the tar does not hold. */
  hole(length: number): void;
  end(): void;
}

const types: Readonly<Record<string, TarMember['type']>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character device',
  '4': 'block device',
  '5': 'directory',
  '6': 'fifo',
};

/** Headers that describe the next member, and the most that is taken of them: a path is at most 4096 bytes, xattrs 64 KiB. */
const extensionFlags = 'LKxgX';
const extensionLimit = 1024 * 1024;

/**
 * Reads a tar as it arrives: ustar, GNU (long names, base-256 numbers, sparse files), PAX. Everything that a chunk brings
 * is told before `push` returns, and may be overwritten then; nothing but the header at work is held. Throws TarError, and what the visitor throws.
 */
export class TarReader {
  readonly #visitor: TarVisitor;
  #position = 0;
  #block: Buffer[] = [];
  #blockFilled = 0;
  /** Bytes still to come of the body at work, and zeros behind it. */
  #left = 0;
  #padding = 0;
  #takeBody: (bytes: Buffer) => void = ignore;
  #endBody: () => void = ignore;
  /** What is known of the next member. */
  #longName: string | null = null;
  #longLink: string | null = null;
  #pax: [string, string][] = [];
  #global: [string, string][] = [];
  /** Bytes that these came in. */
  #extended = { next: 0, global: 0 };
  #onBlock: (block: Buffer) => void = (block) => this.#header(block);
  #ended = false;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#ended; ) {
      const taken = this.#take(chunk.subarray(at));
      at += taken;
      this.#position += taken;
    }
  }

  /** Says that all has come. A tar need not have the zeros that end it, but may not break off within a member. */
  finish(): void {
    const whole = this.#left === 0 && this.#padding === 0 && this.#blockFilled === 0;
    const between = this.#pax.length === 0 && this.#longName === null && this.#longLink === null;
    if (!this.#ended && !(whole && between)) throw new TarError('its tar breaks off within a member');
  }

  #take(bytes: Buffer): number {
    if (this.#left > 0) return this.#takePiece(bytes);
    if (this.#padding > 0) {
      const taken = Math.min(this.#padding, bytes.length);
      this.#padding -= taken;
      return taken;
    }
    const part = bytes.subarray(0, blockLength - this.#blockFilled);
    this.#blockFilled += part.length;
    if (this.#blockFilled < blockLength) this.#block.push(Buffer.from(part));
    else {
      const block = this.#block.length === 0 ? part : Buffer.concat([...this.#block, part]);
      this.#block = [];
      this.#blockFilled = 0;
      this.#onBlock(block);
    }
    return part.length;
  }

  #takePiece(bytes: Buffer): number {
    const piece = bytes.subarray(0, this.#left);
    this.#left -= piece.length;
    this.#takeBody(piece);
    if (this.#left === 0) this.#endBody();
    return piece.length;
  }

  /** A body of `size` bytes follows. */
  #expect(size: number, take: (bytes: Buffer) => void, end: () => void): void {
    this.#left = size;
    this.#padding = (blockLength - (size % blockLength)) % blockLength;
    this.#takeBody = take;
    this.#endBody = end;
    if (size === 0) end();
  }

  #header(block: Buffer): void {
    const header = parseHeader(block, this.#position);
    if (header === null) this.#ended = true;
    else if (extensionFlags.includes(header.flag)) this.#extension(header);
    else this.#member(header, block);
  }

  #extension({ flag, size }: TarHeader): void {
    const of = flag === 'g' ? 'global' : 'next';
    this.#extended[of] += size;
    if (this.#extended[of] > extensionLimit) throw new TarError(`it has an extension header of ${size} bytes`);
    const parts: Buffer[] = [];
    const end = () => {
      const body = Buffer.concat(parts);
      if (flag === 'L') this.#longName = untilNul(body);
      else if (flag === 'K') this.#longLink = untilNul(body);
      else if (flag === 'g') this.#global.push(...parsePax(body));
      else this.#pax.push(...parsePax(body));
    };
    this.#expect(size, (bytes) => parts.push(Buffer.from(bytes)), end);
  }

  #member(header: TarHeader, block: Buffer): void {
    const pairs = [...this.#global, ...this.#pax];
    const records: PaxRecords = new Map(pairs);
    const name = records.get('GNU.sparse.name') ?? records.get('path') ?? this.#longName ?? header.name;
    const linkname = records.get('linkpath') ?? this.#longLink ?? header.linkname;
    this.#longName = this.#longLink = null;
    this.#pax = [];
    this.#extended.next = 0;
    naming(name, () => {
      const member = describe({ ...header, name, linkname }, records);
      const leading = records.get('GNU.sparse.major') === '1';
      const map = paxSparseMap(pairs, records);
      if (header.flag === 'S') this.#gnuSparse(member, block);
      else if (leading) this.#sparse(member, null, paxNumber(records, 'GNU.sparse.realsize') ?? 0);
      else if (map !== null) this.#sparse(member, map, map.realSize);
      else this.#content(member);
    });
  }

  #content(member: TarMember): void {
    this.#visitor.begin(member);
    const take = member.type === 'file' ? (bytes: Buffer) => this.#visitor.content(bytes) : ignore;
    this.#expect(member.size, take, () => this.#visitor.end());
  }

  #sparse(member: TarMember, map: SparseMap | null, realSize: number): void {
    const { name, size: stored } = member;
    const body = new SparseBody(this.#visitor, { map, realSize, stored });
    const end = () => {
      naming(name, () => body.end());
      this.#visitor.end();
    };
    this.#visitor.begin({ ...member, size: realSize });
    this.#expect(stored, (bytes) => naming(name, () => body.take(bytes)), end);
  }

  /** The first pieces stand in the header itself; further blocks follow while the last one says so. */
  #gnuSparse(member: TarMember, block: Buffer): void {
    const pieces = gnuPieces(block, 386, 4, this.#position);
    const realSize = number(block, 483, 12, this.#position);
    const begin = () => {
      this.#onBlock = (next) => this.#header(next);
      naming(member.name, () => this.#sparse(member, { realSize, pieces }, realSize));
    };
    if (block[482] === 0) begin();
    else
      this.#onBlock = (extension) => {
        pieces.push(...gnuPieces(extension, 0, 21, this.#position));
        if (pieces.length > piecesLimit) throw new TarError('it has a sparse file of too many pieces', member.name);
        if (extension[504] === 0) begin();
      };
  }
}

function describe(header: TarHeader, records: PaxRecords): TarMember {
  const { flag, name, linkname, mode } = header;
  const type = flag === '0' && name.endsWith('/') ? 'directory' : (types[flag] ?? 'unknown');
  // A hard link's size is the file's, and no bytes follow; GNU tar reads it so too.
  const size = type === 'link' ? 0 : (paxNumber(records, 'size') ?? header.size);
  const [uid, gid] = [paxNumber(records, 'uid') ?? header.uid, paxNumber(records, 'gid') ?? header.gid];
  if (Math.max(uid, gid) > 0xffff_fffe) throw new TarError('its owner is out of range');
  return { name, linkname, type, flag, mode, uid, gid, size, xattrs: xattrsOf(records) };
}

/** Says of which member an error is. */
function naming(name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof TarError) || error.path !== null) throw error;
    throw new TarError(`${printable(name)}: ${error.message}`, name);
  }
}

function untilNul(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString('latin1', 0, end === -1 ? body.length : end);
}

function ignore(): void {}
