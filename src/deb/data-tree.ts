import { createHash, type Hash } from 'node:crypto';
import { Directory } from '../ostree/directory.ts';
import type { FileSink, ObjectSink } from '../ostree/object-sink.ts';
import { asBadFormat } from './open.ts';
import { badFormat, hostile, type LockedDeb, printable } from './package.ts';
import { checkTarget, componentsOf, isMergedDirectory, mergeUsr } from './paths.ts';
import { type TarMember, TarReader, type TarVisitor } from './tar-reader.ts';

/** A file whose content is arriving. */
interface OpenFile {
  sink: FileSink;
  md5: Hash | null;
  finish(checksum: string, md5: string | undefined): void;
}

/**
 * Makes of a deb's data.tar the tree that ostree is to hold on a merged system, and notes what dpkg would note of it. Paths in
 * `/bin`, `/sbin`, `/lib*` go under `/usr`, hard-link targets with them; the text of symbolic links stays, as it does when
 * dpkg unpacks through such a link. A top-level link such as `bin -> usr/bin` is left out. Directories that the tar does not
 * name come out as 0755 root:root. Owners are the numbers in the tar: those of Debian's static users and groups are the
 * same everywhere. Extended attributes are kept.
 */
export class DataTree implements TarVisitor {
  readonly root = new Directory();
  /** Paths as the deb names them, in its order, the root as `/.`: what dpkg writes into `.list` (latin1). */
  readonly paths: string[] = [];
  /** MD5 of each file by its path without the leading slash, hard links included; empty unless asked for (latin1). */
  readonly digests = new Map<string, string>();
  readonly #deb: LockedDeb;
  readonly #sink: ObjectSink;
  readonly #withDigests: boolean;
  #file: OpenFile | null = null;

  constructor(deb: LockedDeb, sink: ObjectSink, options: { digests: boolean }) {
    this.#deb = deb;
    this.#sink = sink;
    this.#withDigests = options.digests;
  }

  /**
   * Reads the tar; `paced` is awaited between its chunks. Throws E_DEB_FORMAT and E_DEB_HOSTILE; a LockstepError of the source
   * or of `paced` passes through.
   */
  async read(data: AsyncIterable<Buffer>, paced: () => Promise<void>): Promise<void> {
    try {
      const reader = new TarReader(this);
      for await (const chunk of data) {
        reader.push(chunk);
        await paced();
      }
      reader.finish();
    } catch (error) {
      throw asBadFormat(error, this.#deb);
    }
  }

  begin(member: TarMember): void {
    const original = componentsOf(member.name, this.#deb);
    this.paths.push(original.length === 0 ? '/.' : `/${original.join('/')}`);
    if (member.type === 'directory') this.#directory(member, mergeUsr(original));
    else if (member.type === 'symlink' && isMergedDirectory(original)) this.#checkMergeLink(member, original);
    else this.#entry(member, original);
  }

  #entry(member: TarMember, original: readonly string[]): void {
    const [parent, name] = this.#place(member, mergeUsr(original));
    if (member.type === 'file') this.#begin(member, original, parent, name);
    else if (member.type === 'link') this.#hardLink(member, original, parent, name);
    else if (member.type === 'symlink') this.#symlink(member, parent, name);
    else throw this.#unkeepable(member);
  }

  content(bytes: Buffer): void {
    this.#file?.sink.write(bytes);
    this.#file?.md5?.update(bytes);
  }

  hole(length: number): void {
    this.#file?.sink.hole(length);
    const zeros = Buffer.alloc(Math.min(length, 1 << 20));
    if (this.#file?.md5) {
      for (let left = length; left > 0; left -= zeros.length) this.#file.md5.update(zeros.subarray(0, left));
    }
  }

  end(): void {
    const file = this.#file;
    this.#file = null;
    file?.finish(file.sink.end(), file.md5?.digest('hex'));
  }

  #begin(member: TarMember, original: readonly string[], parent: Directory, name: string): void {
    const sink = this.#sink.file(member, member.size, member.name);
    const md5 = this.#withDigests ? createHash('md5') : null;
    const finish = (checksum: string, digest: string | undefined) => {
      parent.files.set(name, { kind: 'file', checksum });
      if (digest !== undefined) this.digests.set(original.join('/'), digest);
    };
    this.#file = { sink, md5, finish };
  }

  #hardLink(member: TarMember, original: readonly string[], parent: Directory, name: string): void {
    const target = componentsOf(member.linkname, this.#deb);
    const known = this.#find(mergeUsr(target));
    if (known === undefined) {
      throw hostile(
        this.#deb,
        member.name,
        `a hard link to ${printable(member.linkname)}, which is no file of this deb`,
      );
    }
    parent.files.set(name, known);
    const digest = this.digests.get(target.join('/'));
    if (digest !== undefined) this.digests.set(original.join('/'), digest);
  }

  #symlink(member: TarMember, parent: Directory, name: string): void {
    checkTarget(member, this.#deb);
    const checksum = this.#sink.symlink(member, member.linkname, member.name);
    parent.files.set(name, { kind: 'symlink', checksum });
  }

  #directory(member: TarMember, components: readonly string[]): void {
    const directory = this.#enter(components, member);
    const { mode, uid, gid, xattrs } = member;
    directory.attributes = { mode, uid, gid, xattrs };
  }

  /** The directory that is to hold a member, and its name there. Throws when something has that name. */
  #place(member: TarMember, components: readonly string[]): [parent: Directory, name: string] {
    const name = components.at(-1);
    if (name === undefined) throw badFormat(this.#deb, `the root is a ${member.type}`);
    const parent = this.#enter(components.slice(0, -1), member);
    const path = ['.', ...components].join('/');
    if (parent.directories.has(name)) {
      throw badFormat(this.#deb, `${printable(path)} is a directory and a ${member.type}`);
    }
    if (parent.files.has(name)) throw hostile(this.#deb, path, 'it comes twice');
    return [parent, name];
  }

  /** The directory of these names, made where the tar has not named it. Refuses to pass through what is none. */
  #enter(components: readonly string[], member: TarMember): Directory {
    let directory = this.root;
    components.forEach((name, index) => {
      const other = directory.files.get(name);
      if (other !== undefined) {
        const path = printable(['.', ...components.slice(0, index + 1)].join('/'));
        const what = other.kind === 'symlink' ? 'symbolic link' : 'file';
        throw hostile(this.#deb, member.name, `it runs through the ${what} ${path}`);
      }
      directory = directory.enter(name);
    });
    return directory;
  }

  #find(components: readonly string[]) {
    const parents = components.slice(0, -1);
    const directory = parents.reduce<Directory | undefined>((at, name) => at?.directories.get(name), this.root);
    return directory?.files.get(components.at(-1) ?? '');
  }

  /** The image has the link `bin -> usr/bin` of its own; a link to anywhere else would move what lies below it. */
  #checkMergeLink({ name, linkname }: TarMember, original: readonly string[]): void {
    if (linkname.replace(/^\//, '') === `usr/${original.join('/')}`) return;
    throw hostile(this.#deb, name, `a link to ${printable(linkname)}`);
  }

  #unkeepable({ name, type, flag }: TarMember): Error {
    const what = type === 'unknown' ? `member of the type ${JSON.stringify(flag)}` : type;
    return badFormat(this.#deb, `${printable(name)} is a ${what}: no image can hold it`);
  }
}
