import { badFormat, hostile, type LockedDeb, printable } from './package.ts';
import { type TarMember, TarReader, type TarVisitor } from './tar-reader.ts';

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
  const collector = new ControlCollector(deb);
  const reader = new TarReader(collector);
  for await (const chunk of tar) reader.push(chunk);
  reader.finish();
  return collector.files;
}

class ControlCollector implements TarVisitor {
  readonly files: ControlFile[] = [];
  readonly #deb: LockedDeb;
  #parts: Buffer[] = [];
  #total = 0;

  constructor(deb: LockedDeb) {
    this.#deb = deb;
  }

  begin(member: TarMember): void {
    const name = member.name.replace(/^\.\//, '');
    this.#parts = [];
    if (member.type === 'directory' && (name === '' || name === '.')) return;
    if (name.includes('/') || name === '..') throw hostile(this.#deb, member.name, 'control files lie in no folder');
    if (member.type !== 'file') throw badFormat(this.#deb, `${printable(name)} in control.tar is not a file`);
    if (this.files.some((file) => file.name === name)) throw hostile(this.#deb, member.name, 'it comes twice');
    this.#total += member.size;
    if (this.#total > sizeLimit) throw badFormat(this.#deb, `control.tar is larger than ${sizeLimit} bytes`);
    this.files.push({ name, mode: member.mode, content: Buffer.alloc(0) });
  }

  content(bytes: Buffer): void {
    this.#parts.push(Buffer.from(bytes));
  }

  hole(length: number): void {
    this.#parts.push(Buffer.alloc(length));
  }

  end(): void {
    const file = this.files.at(-1);
    if (file !== undefined && this.#parts.length > 0) file.content = Buffer.concat(this.#parts);
  }
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
  const lines = text.split('\n');
  const field = (name: string) => {
    const start = `${name.toLowerCase()}:`;
    return lines
      .find((line) => line.toLowerCase().startsWith(start))
      ?.slice(start.length)
      .trim();
  };
  const fields = { package: field('Package'), version: field('Version'), architecture: field('Architecture') };
  for (const key of ['package', 'version', 'architecture'] as const) {
    if (fields[key] === deb[key]) continue;
    throw badFormat(deb, `its control file says ${key} ${fields[key] ?? '(nothing)'}, the lockfile ${deb[key]}`);
  }
  const multiArchSame = field('Multi-Arch') === 'same';
  return { package: deb.package, architecture: deb.architecture, multiArchSame };
}
