import { createHash } from 'node:crypto';
import type { Header } from 'tar-stream';
import { gnuHeader, padding, type TarMember } from './gnu-header.ts';
import { asBadFormat } from './open.ts';
import { badFormat, hostile, type LockedDeb, printable } from './package.ts';
import { checkEncoding, componentsOf, isMergedDirectory, mergeUsr } from './paths.ts';
import { readTar, type TarEntry } from './tar-entries.ts';

/** Chunks are gathered to about this size: a deb's many small files would otherwise be as many small writes. */
const chunkLength = 64 * 1024;

/**
 * Rewrites a deb's data.tar for ostree on a merged system, and notes what dpkg would note of it. Paths in `/bin`,
 * `/sbin`, `/lib*` go under `/usr`, hard-link targets with them; the text of symbolic links stays, as it does when dpkg
 * unpacks through such a link. A top-level link such as `bin -> usr/bin` is left out. Directories that the tar does not
 * name come out as 0755 root:root. Owners are the numbers in the tar: those of Debian's static users and groups are the
 * same everywhere.
 */
export class DataTree {
  /** Paths as the deb names them, in its order, the root as `/.`: what dpkg writes into `.list` (latin1). */
  readonly paths: string[] = [];
  /** MD5 of each file by its path without the leading slash, hard links included; empty unless asked for (latin1). */
  readonly digests = new Map<string, string>();
  readonly #deb: LockedDeb;
  readonly #withDigests: boolean;
  readonly #directories = new Set<string>();
  readonly #links = new Set<string>();

  constructor(deb: LockedDeb, options: { digests: boolean }) {
    this.#deb = deb;
    this.#withDigests = options.digests;
  }

  /**
   * The rewritten tar, without the two zero blocks at its end: a reader that saw them would take the tree for whole, and
   * that is for the caller to say. Throws E_DEB_FORMAT and E_DEB_HOSTILE; a LockstepError of the source passes through.
   */
  async *rewrite(data: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    let chunk: Buffer[] = [];
    let length = 0;
    try {
      for await (const entry of readTar(data)) {
        for await (const part of this.#member(entry)) {
          chunk.push(part);
          length += part.length;
          if (length < chunkLength) continue;
          yield Buffer.concat(chunk, length);
          chunk = [];
          length = 0;
        }
      }
    } catch (error) {
      throw asBadFormat(error, this.#deb);
    }
    if (length > 0) yield Buffer.concat(chunk, length);
  }

  async *#member({ header, body }: TarEntry): AsyncGenerator<Buffer, void, void> {
    if (header.pax) throw badFormat(this.#deb, `${printable(header.name)} has a PAX header, which dpkg refuses too`);
    const original = componentsOf(header.name, this.#deb);
    this.paths.push(original.length === 0 ? '/.' : `/${original.join('/')}`);
    if (header.type === 'symlink' && isMergedDirectory(original)) return void this.#checkMergeLink(header, body);
    const member = this.#translate(header, mergeUsr(original));
    yield* this.#parents(member.name);
    this.#note(member);
    yield gnuHeader(member);
    if (member.type === 'link') this.#copyDigest(header, original);
    if (member.type === 'file') yield* this.#content(header, body, original.join('/'));
    else body.resume();
  }

  #translate(header: Header, components: string[]): TarMember {
    const { type } = header;
    if (type !== 'file' && type !== 'link' && type !== 'symlink' && type !== 'directory') {
      throw badFormat(
        this.#deb,
        `${printable(header.name)} is a ${type ?? 'member of unknown type'}: no image can hold it`,
      );
    }
    const name = ['.', ...components].join('/');
    const size = type === 'file' ? header.size : 0;
    const member = { name, type, mode: header.mode & 0o7777, uid: header.uid, gid: header.gid, size };
    return type === 'link' || type === 'symlink' ? { ...member, linkname: this.#target(header) } : member;
  }

  #target(header: Header): string {
    const target = header.linkname ?? '';
    if (header.type === 'link') return ['.', ...mergeUsr(componentsOf(target, this.#deb))].join('/');
    checkEncoding(target, this.#deb);
    return target;
  }

  /** Yields the directories above `name` that no member named, and refuses to pass through a link of the same deb. */
  *#parents(name: string): Generator<Buffer, void, void> {
    for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
      const parent = name.slice(0, end);
      if (this.#links.has(parent))
        throw hostile(this.#deb, name, `it runs through the symbolic link ${printable(parent)}`);
      if (this.#directories.has(parent)) continue;
      this.#directories.add(parent);
      yield gnuHeader({ name: parent, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0 });
    }
  }

  #note({ name, type }: TarMember): void {
    if (type === 'directory') this.#directories.add(name);
    else if (this.#directories.has(name)) throw badFormat(this.#deb, `${printable(name)} is a directory and a ${type}`);
    if (type === 'symlink') this.#links.add(name);
  }

  async *#content(header: Header, body: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer, void, void> {
    const hash = this.#withDigests ? createHash('md5') : null;
    for await (const part of body) {
      hash?.update(part);
      yield part;
    }
    yield padding(header.size);
    if (hash !== null) this.digests.set(path, hash.digest('hex'));
  }

  #copyDigest(header: Header, original: readonly string[]): void {
    const digest = this.digests.get(componentsOf(header.linkname ?? '', this.#deb).join('/'));
    if (digest !== undefined) this.digests.set(original.join('/'), digest);
  }

  /** The image has the link `bin -> usr/bin` of its own; a link to anywhere else would move what lies below it. */
  #checkMergeLink(header: Header, body: { resume(): unknown }): void {
    const target = (header.linkname ?? '').replace(/^\//, '');
    const name = componentsOf(header.name, this.#deb).join('/');
    if (target !== `usr/${name}`)
      throw hostile(this.#deb, header.name, `a link to ${printable(header.linkname ?? '')}`);
    body.resume();
  }
}
