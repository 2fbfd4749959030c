import type { Toolbox } from '../toolbox/toolbox.ts';

/** One entry of a commit's tree. */
export interface TreeEntry {
  kind: 'file' | 'directory' | 'symlink';
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of a file, 0 for others. */
  size: number;
  /** Of a file or symlink with all that it has; of a directory's contents. */
  checksum: string;
  /** Of a symlink; empty for others. */
  target: string;
  /** Value of the extended attribute security.capability; null when there is none. */
  capability: Buffer | null;
}

/** By absolute path. */
export type Tree = Map<string, TreeEntry>;

const kinds: Readonly<Record<string, TreeEntry['kind']>> = { '-': 'file', d: 'directory', l: 'symlink' };

/** `ostree ls`: type, mode, uid, gid, size, checksum (of directories two), extended attributes as text, path. */
const line = /^([-dl])([0-7]{5}) (\d+) (\d+) +(\d+) ([0-9a-f]{64})(?: [0-9a-f]{64})? \{ (.*?) \} (\/.*)$/s;

/** Everything that a commit holds, in one command. */
export async function readTree(toolbox: Toolbox, repo: string, commit: string): Promise<Tree> {
  const argv = ['ostree', `--repo=${repo}`, 'ls', '--recursive', '--checksum', '--xattrs', commit];
  return parseTree((await toolbox.run(argv)).stdout);
}

/** Reads what `ostree ls --recursive --checksum --xattrs` prints. */
export function parseTree(listing: string): Tree {
  const tree: Tree = new Map();
  for (const text of entriesOf(listing)) {
    const [, type = '', mode = '', uid, gid, size, checksum = '', attributes = '', name = ''] = line.exec(text) ?? [];
    const kind = kinds[type];
    if (kind === undefined) continue;
    const { path, target } = kind === 'symlink' ? splitLink(name) : { path: name, target: '' };
    const numbers = { mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid), size: Number(size) };
    tree.set(path, { kind, ...numbers, checksum, target, capability: capabilityIn(attributes) });
  }
  return tree;
}

/** A name may hold line breaks: what does not begin like an entry belongs to the one before. */
function entriesOf(listing: string): string[] {
  return listing.trimEnd().split(/\n(?=[-dlbcps?][0-7]{5} \d+ \d+ )/);
}

function splitLink(name: string): { path: string; target: string } {
  const at = name.indexOf(' -> ');
  return { path: name.slice(0, at), target: name.slice(at + 4) };
}

/** As GVariant's text form has it: `[(b'security.capability', [byte 0x01, 0x00, …])]`. */
function capabilityIn(attributes: string): Buffer | null {
  const [, bytes] = /'security\.capability', \[byte ([^\]]*)\]/.exec(attributes) ?? [];
  return bytes === undefined ? null : Buffer.from(bytes.split(',').map(Number));
}
