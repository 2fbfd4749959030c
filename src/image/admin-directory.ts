import { text } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';
import { Deb822Error, Stanza } from '../apt/deb822.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { type AdminFile, type ControlFiles, infoName } from './dpkg-state.ts';

const adminDir = 'var/lib/dpkg';

/** What the state of the root does not depend on, and much the largest part of it. */
const unread = ['list', 'md5sums', 'postinst', 'prerm', 'postrm', 'templates', 'config', 'shlibs', 'symbols'];

/** The control files that the import laid into the tree. They may be root's alone, so they come through the toolbox. */
export async function readControlFiles(toolbox: Toolbox, root: string): Promise<ControlFiles[]> {
  const excluded = unread.map((kind) => `--exclude=*.${kind}`);
  const tar = await toolbox.open([
    'tar',
    '--create',
    `--directory=${root}/${adminDir}`,
    ...excluded,
    'lockstep',
    'info',
  ]);
  tar.stdin.end();
  const files = new Map<string, string>();
  const reader = tar.stdout.pipe(extract());
  for await (const entry of reader) files.set(entry.header.name, await text(entry));
  const { exitCode, stderr } = await tar.exited;
  if (exitCode !== 0)
    throw new LockstepError('E_TOOL_FAILED', `cannot read the control files of the packages:\n${stderr}`);
  return [...files]
    .filter(([name]) => name.startsWith('lockstep/') && name.endsWith('.control'))
    .map(([name, content]) => controlFilesOf(files, name, content));
}

function controlFilesOf(files: Map<string, string>, name: string, content: string): ControlFiles {
  const control = parseControl(name, content);
  const info = (kind: string) => files.get(`info/${infoName({ control })}.${kind}`);
  return {
    control,
    conffiles: info('conffiles') ?? '',
    triggers: info('triggers') ?? '',
    hasPreinst: info('preinst') !== undefined,
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
export async function writeAdminFiles(toolbox: Toolbox, root: string, files: readonly AdminFile[]): Promise<void> {
  const tar = pack();
  for (const directory of ['triggers', 'updates', 'alternatives', 'parts', 'info']) {
    tar.entry({ name: directory, type: 'directory', mode: 0o755, mtime: new Date(0) });
  }
  for (const { path, content } of files) tar.entry({ name: path, mode: 0o644, mtime: new Date(0) }, content);
  tar.finalize();
  const extraction = ['tar', '--extract', `--directory=${root}/${adminDir}`, '--no-overwrite-dir', '--file=-'];
  const archive: Buffer[] = [];
  for await (const chunk of tar) archive.push(chunk as Buffer);
  await toolbox.run(extraction, { input: Buffer.concat(archive) });
}
