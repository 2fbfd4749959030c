import { badFormat, hostile, type LockedDeb, printable } from './package.ts';
import { readTar } from './tar-entries.ts';

/** A file of control.tar: `control`, `postinst`, `md5sums`, … */
export interface ControlFile {
  name: string;
  mode: number;
  content: Buffer;
}

/** The largest control.tar of Debian, of the kernel and its md5sums, is about 1 MB. */
const sizeLimit = 64 * 1024 * 1024;

/** Reads control.tar into memory. Throws E_DEB_FORMAT or E_DEB_HOSTILE for anything but plain files without folders. */
export async function readControl(tar: AsyncIterable<Buffer>, deb: LockedDeb): Promise<ControlFile[]> {
  const files: ControlFile[] = [];
  let total = 0;
  for await (const { header, body } of readTar(tar)) {
    const name = header.name.replace(/^\.\//, '');
    if (header.type === 'directory' && (name === '' || name === '.')) {
      body.resume();
      continue;
    }
    if (name.includes('/') || name === '..') throw hostile(deb, header.name, 'control files lie in no folder');
    if (header.type !== 'file') throw badFormat(deb, `${printable(name)} in control.tar is not a file`);
    total += header.size;
    if (total > sizeLimit) throw badFormat(deb, `control.tar is larger than ${sizeLimit} bytes`);
    files.push({ name, mode: header.mode & 0o7777, content: await contentOf(body) });
  }
  return files;
}

async function contentOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

/** What of the control file decides the names under dpkg's info directory. */
export interface ControlFields {
  package: string;
  architecture: string;
  multiArchSame: boolean;
}

/** Throws E_DEB_FORMAT when the control file is missing, lacks a field, or is another package's than the lockfile's. */
export function controlFields(files: readonly ControlFile[], deb: LockedDeb): ControlFields {
  const text = files.find((file) => file.name === 'control')?.content.toString('utf8');
  if (text === undefined) throw badFormat(deb, 'it has no control file');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'im').exec(text)?.[1];
  const fields = { package: field('Package'), version: field('Version'), architecture: field('Architecture') };
  for (const key of ['package', 'version', 'architecture'] as const) {
    if (fields[key] === deb[key]) continue;
    throw badFormat(deb, `its control file says ${key} ${fields[key] ?? '(nothing)'}, the lockfile ${deb[key]}`);
  }
  const multiArchSame = field('Multi-Arch') === 'same';
  return { package: deb.package, architecture: deb.architecture, multiArchSame };
}
