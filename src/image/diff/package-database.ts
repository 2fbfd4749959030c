import { text } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { Stanza } from '../../apt/deb822.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Tree } from '../../ostree/tree.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { placesOf } from './places.ts';

/** What dpkg's database in a commit says. */
export interface PackageDatabase {
  /** Versions by package. */
  versions: Map<string, string>;
  /** The package of a path, by the path in the commit. */
  owners: Map<string, string>;
  /** Paths in the commit that belong to the device's administrator. */
  conffiles: Set<string>;
}

/** Where finalized commits have it, and configured ones. */
const directories = ['/usr/lib/sysimage/dpkg', '/var/lib/dpkg'];

/** Reads the databases of several commits of a `bare` repository in one command: what they share is read once. */
export async function readPackageDatabases(
  toolbox: Toolbox,
  repo: string,
  trees: readonly Tree[],
): Promise<PackageDatabase[]> {
  const wanted = new Set(trees.flatMap((tree) => databaseFiles(tree).filter(isRead)).map(({ checksum }) => checksum));
  const objects = await readObjects(toolbox, repo, [...wanted]);
  return trees.map((tree) => databaseOf(tree, objects));
}

/** ucf(1) keeps configuration files for packages beside dpkg, those of openssh-server for one. */
const registries = ['/usr/share/factory/var/lib/ucf/registry', '/var/lib/ucf/registry'];

interface DatabaseFile {
  /** Below the database's directory; `ucf` for ucf's registry. */
  name: string;
  path: string;
  checksum: string;
}

function databaseFiles(tree: Tree): DatabaseFile[] {
  const directory = directories.find((candidate) => tree.has(`${candidate}/status`));
  if (directory === undefined) return [];
  const nameOf = (path: string) => (registries.includes(path) ? 'ucf' : path.slice(directory.length + 1));
  return [...tree]
    .filter(([path, { kind }]) => kind === 'file' && (path.startsWith(`${directory}/`) || registries.includes(path)))
    .map(([path, { checksum }]) => ({ name: nameOf(path), path, checksum }));
}

/** The others' content is of no interest, and much. */
const isRead = ({ name }: DatabaseFile) =>
  name === 'status' || name === 'ucf' || /^info\/.*\.(list|conffiles)$/.test(name);

async function readObjects(toolbox: Toolbox, repo: string, checksums: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (checksums.length === 0) return found;
  const tar = await toolbox.open([
    'tar',
    '--create',
    `--directory=${repo}/objects`,
    '--hard-dereference',
    '--files-from=-',
  ]);
  tar.stdin.end(checksums.map((checksum) => `${checksum.slice(0, 2)}/${checksum.slice(2)}.file\n`).join(''));
  const reader = tar.stdout.pipe(extract());
  for await (const entry of reader) found.set(entry.header.name.replace(/[/]|\.file$/g, ''), await text(entry));
  const { exitCode, stderr } = await tar.exited;
  if (exitCode !== 0) throw new LockstepError('E_TOOL_FAILED', `cannot read the packages of a commit:\n${stderr}`);
  return found;
}

function databaseOf(tree: Tree, objects: ReadonlyMap<string, string>): PackageDatabase {
  const database: PackageDatabase = { versions: new Map(), owners: new Map(), conffiles: new Set() };
  for (const { name, path, checksum } of databaseFiles(tree)) {
    const content = objects.get(checksum) ?? '';
    const places = () =>
      content
        .split('\n')
        .flatMap(placesOf)
        .filter((place) => tree.has(place));
    const [, owner, kind] = /^info\/([^:]+?)(?::[^.]*)?\.([a-z0-9]+)$/.exec(name) ?? [];
    if (name === 'status') readStatus(content, database);
    if (name === 'ucf') readRegistry(content, tree, database);
    if (owner === undefined) continue;
    database.owners.set(path, owner);
    if (kind === 'list') for (const place of places()) database.owners.set(place, owner);
    if (kind === 'conffiles') for (const place of places()) database.conffiles.add(place);
  }
  return database;
}

/** Lines of a package and a path. */
function readRegistry(registry: string, tree: Tree, { owners, conffiles }: PackageDatabase): void {
  for (const [owner = '', path = ''] of registry.split('\n').map((line) => line.trim().split(/\s+/))) {
    for (const place of placesOf(path).filter((candidate) => tree.has(candidate))) {
      owners.set(place, owner);
      conffiles.add(place);
    }
  }
}

function readStatus(status: string, { versions }: PackageDatabase): void {
  for (const block of status.split(/\n{2,}/)) {
    if (block.trim() === '') continue;
    const stanza = new Stanza(block.trim());
    const [name, version] = [stanza.get('Package'), stanza.get('Version')];
    const installed = / installed$/.test(stanza.get('Status') ?? '');
    if (name !== undefined && version !== undefined && installed) versions.set(name, version);
  }
}
