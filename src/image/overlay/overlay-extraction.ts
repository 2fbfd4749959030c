import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { OverlayEntry } from './overlay-entry.ts';
import type { OverlayFiles } from './overlay-files.ts';
import { type Identities, identitiesOf } from './root-identities.ts';
import { type Places, placesIn } from './root-places.ts';

/**
 * Lays files into a root in the toolbox. Files are replaced, never written into (tar's default). A directory that is
 * there keeps its owner and mode, unless a manifest names it. Where the root has a link to a directory (/bin, /lib), what
 * the overlay has below goes where the link leads inside the root. Throws E_OVERLAY.
 */
export async function extractEntries(toolbox: Toolbox, root: string, files: OverlayFiles): Promise<void> {
  if (files.entries.length === 0) return;
  const places = await placesIn(toolbox, root, files.entries);
  const named = files.entries.some(({ user, group }) => user !== null || group !== null);
  const identities = named ? await identitiesOf(toolbox, root) : null;
  const options = ['--no-overwrite-dir', '--numeric-owner', '--same-permissions'];
  await laid(toolbox, ['tar', '--extract', `--directory=${root}`, ...options, '--file=-'], {
    input: packEntries(files, places, identities),
  });
  const enforced = files.entries.filter((entry) => entry.enforced);
  if (enforced.length > 0) await enforce(toolbox, root, enforced, places, identities);
}

/**
 * Entries as a tar: directories first, so that each is made with its own mode, links after the files they share. Throws
 * E_OVERLAY for an owner that is not there.
 */
export function packEntries(files: OverlayFiles, places: Places, identities: Identities | null): Readable {
  const members = files.entries.map((entry) => memberOf(entry, places, identities));
  const tar = pack();
  void writeMembers(tar, members, files.contents()).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  return Readable.from(tar);
}

/** An entry's name in the overlay, and its header in the tar. */
interface Member {
  from: string;
  header: {
    name: string;
    type: OverlayEntry['kind'];
    mode: number;
    uid: number;
    gid: number;
    mtime: Date;
    size: number;
  };
  linkname: string;
}

function memberOf(entry: OverlayEntry, places: Places, identities: Identities | null): Member {
  const { kind, mode, size, identity } = entry;
  const name = places(entry.name, kind);
  const header = { name, type: kind, mode, ...ownerOf(entry, identities), mtime: new Date(0), size };
  return { from: entry.name, header, linkname: kind === 'link' ? places(identity, 'file') : identity };
}

async function writeMembers(tar: Pack, members: readonly Member[], contents: ReturnType<OverlayFiles['contents']>) {
  const ofKind = (...kinds: OverlayEntry['kind'][]) => members.filter(({ header }) => kinds.includes(header.type));
  for (const { header } of ofKind('directory')) tar.entry(header);
  const wanted = new Map(ofKind('file').map(({ from, header }) => [from, header]));
  for await (const { name, body } of contents) {
    const header = wanted.get(name);
    if (header === undefined) for await (const chunk of body) void chunk;
    else await pipeline(body, tar.entry(header));
  }
  for (const { header, linkname } of ofKind('link', 'symlink')) tar.entry({ ...header, linkname });
}

function ownerOf(entry: OverlayEntry, identities: Identities | null): { uid: number; gid: number } {
  return {
    uid: entry.user === null ? entry.uid : numberOf(entry, 'user', entry.user, identities?.users),
    gid: entry.group === null ? entry.gid : numberOf(entry, 'group', entry.group, identities?.groups),
  };
}

function numberOf(entry: OverlayEntry, what: string, name: string, numbers?: ReadonlyMap<string, number>): number {
  const id = numbers?.get(name);
  if (id !== undefined) return id;
  throw new LockstepError(
    'E_OVERLAY',
    `${entry.label} is to belong to the ${what} ${name}, which the image does not have`,
  );
}

/** tar leaves directories that are there alone; these are meant to change. */
async function enforce(
  toolbox: Toolbox,
  root: string,
  entries: readonly OverlayEntry[],
  places: Places,
  identities: Identities | null,
): Promise<void> {
  const lines = entries.map((entry) => {
    const { uid, gid } = ownerOf(entry, identities);
    return `${uid} ${gid} ${entry.mode} ${places(entry.name, 'directory')}\0`;
  });
  const script = `
    chdir shift or die; $/ = "\\0";
    while (<STDIN>) {
      chomp;
      my ($uid, $gid, $mode, $path) = split / /, $_, 4;
      chown $uid, $gid, $path and chmod $mode, $path or die "$path: $!\\n";
    }`;
  await laid(toolbox, ['perl', '-e', script, root], { input: lines.join('') });
}

async function laid(toolbox: Toolbox, argv: string[], options: { input: Readable | string }): Promise<void> {
  try {
    await toolbox.run(argv, options);
  } catch (cause) {
    if (!(cause instanceof LockstepError) || cause.code !== 'E_TOOL_FAILED') throw cause;
    throw new LockstepError('E_OVERLAY', `the overlay cannot be laid over the image: ${cause.message}`, { cause });
  }
}
