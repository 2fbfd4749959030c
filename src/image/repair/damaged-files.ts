import { createHash, type Hash } from 'node:crypto';
import { type TarMember, TarReader, type TarVisitor } from '../../deb/tar-reader.ts';
import { checksumOf, fileHeader, objectName, symlinkHeader } from '../../ostree/objects.ts';
import { toolFailure } from '../../toolbox/tool-failure.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';

/**
 * Those of a bare repository's content objects that are missing or not what their checksums say. The toolbox's tar reads
 * them, since some are readable for root alone, and Node hashes them, which OpenSSL does five times as fast as ostree.
 */
export async function damagedFiles(
  toolbox: Toolbox,
  repo: string,
  checksums: ReadonlySet<string>,
): Promise<Set<string>> {
  const damaged = new Set(checksums);
  if (checksums.size === 0) return damaged;
  const times = '--pax-option=delete=atime,delete=ctime,delete=mtime';
  const argv = ['tar', '-cf', '-', '--xattrs', '--xattrs-include=*', times, '--hard-dereference', '--no-recursion'];
  const tar = await toolbox.open([...argv, '-C', `${repo}/objects`, '-T', '-']);
  const names = [...checksums].map((checksum) => `${objectName(checksum, 'file')}\n`);
  tar.stdin.end(names.join(''));
  const reader = new TarReader(new ObjectCheck((checksum) => damaged.delete(checksum)));
  for await (const chunk of tar.stdout) reader.push(chunk as Buffer);
  const { exitCode, stderr } = await tar.exited;
  // 1 and 2 say that some file changed its link count meanwhile, or was not there.
  if (exitCode > 2) throw toolFailure({ argv, exitCode, stderr });
  return damaged;
}

/** Hashes the members of a tar as ostree hashes content objects; tells the names that are true. */
class ObjectCheck implements TarVisitor {
  readonly #onSound: (checksum: string) => void;
  #expected = '';
  #hash: Hash | null = null;

  constructor(onSound: (checksum: string) => void) {
    this.#onSound = onSound;
  }

  begin(member: TarMember): void {
    this.#expected = member.name.replace('/', '').replace(/\.file$/, '');
    this.#hash = member.type === 'file' ? createHash('sha256').update(fileHeader(member)) : null;
    if (member.type !== 'symlink') return;
    if (checksumOf(symlinkHeader(member, member.linkname)) === this.#expected) this.#onSound(this.#expected);
  }

  content(bytes: Buffer): void {
    this.#hash?.update(bytes);
  }

  hole(length: number): void {
    for (let left = length; left > 0; left -= 1 << 20) this.#hash?.update(Buffer.alloc(Math.min(left, 1 << 20)));
  }

  end(): void {
    if (this.#hash?.digest('hex') === this.#expected) this.#onSound(this.#expected);
  }
}
