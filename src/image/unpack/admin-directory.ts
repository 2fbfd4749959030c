import { buffer } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';
import { Deb822Error, Stanza } from '../../apt/deb822.ts';
import type { LockedDeb } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import type { ToolProcess } from '../../toolbox/toolbox.ts';
import { controlRef } from '../import/import-deb.ts';
import type { BuildEnvironment } from '../stage.ts';
import { type ControlFiles, infoName } from './control-files.ts';
import type { AdminFile } from './dpkg-state.ts';

const adminDir = 'var/lib/dpkg';

/** What the state of the root does not depend on, and much the largest part of it. */
const unread = ['md5sums', 'prerm', 'postrm', 'templates', 'config', 'shlibs', 'symbols'];

/** Collects the control refs in one directory and sends it; $1: repository, $2: the directory, then what to leave out. */
const gather = `
repo=$1 into=$2
shift 2
rm -rf "$into"
ostree --repo="$repo" checkout --require-hardlinks --union --from-stdin "$into"
tar --create --hard-dereference --directory="$into" "$@" lockstep info
rm -rf "$into"
`;

/**
 * The control files of all debs, out of the refs that the import made: text with one character for each byte (latin1).
 * One command of the toolbox, about a tenth of a second for 200 packages.
 */
export async function readControlFiles(build: BuildEnvironment, debs: readonly LockedDeb[]): Promise<ControlFiles[]> {
  const { toolbox, repo, work } = build;
  const excluded = unread.map((kind) => `--exclude=*.${kind}`);
  const tar = await toolbox.open(['sh', '-euc', gather, 'sh', repo, `${work}/control`, ...excluded]);
  tar.stdin.end(debs.map((deb) => `${controlRef(deb)}\0/${adminDir}\0`).join(''));
  const files = await filesOf(tar);
  return [...files]
    .filter(([name]) => name.startsWith('lockstep/') && name.endsWith('.control'))
    .map(([name, content]) => controlFilesOf(files, name, content));
}

async function filesOf(tar: ToolProcess): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const reader = tar.stdout.pipe(extract());
  for await (const entry of reader) files.set(entry.header.name, (await buffer(entry)).toString('latin1'));
  const { exitCode, stderr } = await tar.exited;
  if (exitCode === 0) return files;
  throw new LockstepError('E_TOOL_FAILED', `cannot read the control files of the packages:\n${stderr}`);
}

function controlFilesOf(files: Map<string, string>, name: string, content: string): ControlFiles {
  const control = parseControl(name, content);
  const info = (kind: string) => files.get(`info/${infoName({ control })}.${kind}`);
  return {
    control,
    conffiles: info('conffiles') ?? '',
    triggers: info('triggers') ?? '',
    list: (info('list') ?? '').split('\n').filter((line) => line !== ''),
    preinst: info('preinst') ?? null,
    hasPostinst: info('postinst') !== undefined,
  };
}

function parseControl(name: string, content: string): Stanza {
  try {
    return new Stanza(content.trim());
  } catch (error) {
    if (!(error instanceof Deb822Error)) throw error;
    throw new LockstepError('E_DEB_FORMAT', `${name}, line ${error.line}: ${error.message}`, { cause: error });
  }
}

/** Writes files of dpkg's database into a root. */
export async function writeAdminFiles(
  { toolbox }: Pick<BuildEnvironment, 'toolbox'>,
  root: string,
  files: readonly AdminFile[],
): Promise<void> {
  const tar = pack();
  for (const directory of ['triggers', 'updates', 'alternatives', 'parts', 'info', 'lockstep']) {
    tar.entry({ name: directory, type: 'directory', mode: 0o755, mtime: new Date(0) });
  }
  for (const { path, content } of files) {
    tar.entry({ name: path, mode: 0o644, mtime: new Date(0) }, Buffer.from(content, 'latin1'));
  }
  tar.finalize();
  const extraction = ['tar', '--extract', `--directory=${root}/${adminDir}`, '--no-overwrite-dir', '--file=-'];
  const archive: Buffer[] = [];
  for await (const chunk of tar) archive.push(chunk as Buffer);
  await toolbox.run(extraction, { input: Buffer.concat(archive) });
}
