import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { decompress } from '../../deb/decompress.ts';
import { LockstepError } from '../../errors/index.ts';
import type { OverlayEntry } from './overlay-entry.ts';
import type { OverlayFiles } from './overlay-files.ts';

type Kind = OverlayEntry['kind'];

/** A tar of this machine, with the owners and modes that it has. Throws E_OVERLAY naming the tar and the member. */
export async function readTarOverlay(file: string): Promise<OverlayFiles> {
  const found = new Map<string, OverlayEntry>();
  /** Of members with one name the last counts. */
  const positions = new Map<string, number>();
  for await (const { header, body, position } of members(file)) {
    const entry = await entryOf(file, header, body);
    if (entry === null) continue;
    found.set(entry.name, entry);
    positions.set(entry.name, position);
  }
  const entries = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) refuseBelowOthers(file, entry, found);
  return {
    entries,
    contents: async function* () {
      for await (const { header, body, position } of members(file)) {
        const name = nameOf(file, header);
        if (found.get(name)?.kind === 'file' && positions.get(name) === position) yield { name, body };
        else await drained(body);
      }
    },
  };
}

interface Member {
  header: Header;
  body: Readable;
  position: number;
}

async function* members(file: string): AsyncGenerator<Member, void, void> {
  const suffix = /\.tar(\.[a-z]+)?$/.exec(path.basename(file));
  const plain = suffix === null ? null : decompress(`x${suffix[0]}`, createReadStream(file));
  if (plain === null) {
    throw new LockstepError('E_OVERLAY', `${file} is neither a directory nor a .tar, .tar.gz, .tar.xz or .tar.zst`);
  }
  const input = Readable.from(plain, { objectMode: false });
  const reader = extract();
  input.once('error', (error) => reader.destroy(error));
  let position = 0;
  for await (const entry of input.pipe(reader)) {
    yield { header: entry.header, body: entry as unknown as Readable, position };
    position += 1;
  }
}

async function entryOf(file: string, header: Header, body: Readable): Promise<OverlayEntry | null> {
  const name = nameOf(file, header);
  const label = `${file}: ${name}`;
  const kind = kindOf(file, header);
  const identity = await identityOf(file, kind, header, body);
  // The root itself: its owner and mode are the image's.
  if (name === '') return null;
  const owner = { uid: header.uid ?? 0, gid: header.gid ?? 0, user: null, group: null };
  const mode = kind === 'symlink' ? 0o777 : (header.mode ?? 0o644) & 0o7777;
  const size = kind === 'file' ? (header.size ?? 0) : 0;
  return { name, kind, mode, ...owner, size, identity, enforced: false, label };
}

async function identityOf(file: string, kind: Kind, header: Header, body: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk as Buffer);
  if (kind === 'file') return hash.digest('hex');
  if (kind === 'link') return pathOf(file, header.name, header.linkname ?? '');
  return kind === 'symlink' ? (header.linkname ?? '') : '';
}

function kindOf(file: string, { name, type, pax }: Header): Kind {
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))) {
    throw refused(file, name, 'is stored as a sparse file: make the tar without --sparse');
  }
  if (Object.keys(pax ?? {}).some((key) => /^(SCHILY\.xattr|LIBARCHIVE\.xattr)\./.test(key))) {
    throw refused(file, name, 'has extended attributes, which an overlay cannot carry: set them in a script of `run:`');
  }
  if (type === 'file' || type === 'contiguous-file') return 'file';
  if (type === 'directory' || type === 'symlink' || type === 'link') return type;
  throw refused(file, name, `is a ${type ?? 'member of unknown type'}, which no image can hold`);
}

const nameOf = (file: string, { name }: Header) => pathOf(file, name, name);

/** A path without `.` components and without a slash at either end. */
function pathOf(file: string, member: string, text: string): string {
  if (text.includes('\uFFFD')) throw refused(file, member, 'has a name that is not UTF-8');
  if (text.startsWith('/')) throw refused(file, member, 'is an absolute path: make the tar without -P');
  const components = text.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw refused(file, member, 'leads out of the image');
  return components.join('/');
}

/** A tar that makes a link and then writes through it reaches wherever that leads; a hard link needs its file. */
function refuseBelowOthers(
  file: string,
  { name, kind, identity }: OverlayEntry,
  found: Map<string, OverlayEntry>,
): void {
  for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
    const parent = found.get(name.slice(0, end));
    if (parent !== undefined && parent.kind !== 'directory') {
      throw refused(file, name, `lies below ${parent.name}, which is a ${parent.kind} in the same tar`);
    }
  }
  if (kind === 'link' && found.get(identity)?.kind !== 'file') {
    throw refused(file, name, `is a hard link to ${identity}, which is no file of the same tar`);
  }
}

async function drained(body: Readable): Promise<void> {
  for await (const chunk of body) void chunk;
}

function refused(file: string, member: string, why: string): LockstepError {
  return new LockstepError('E_OVERLAY', `${file}: ${JSON.stringify(member)} ${why}`);
}
