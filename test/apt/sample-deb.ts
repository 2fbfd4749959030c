import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';

/** A deb that a test has made, by dpkg-deb. */
export interface SampleDeb {
  package: string;
  version?: string;
  /** `all` when not given. */
  architecture?: string;
  /** Further fields of its control file, such as Depends. */
  fields?: Record<string, string>;
  /** Contents by path below the root. */
  files?: Record<string, string>;
  /** Maintainer scripts by name. */
  scripts?: Record<string, string>;
  /** Text of /usr/share/doc/PACKAGE/changelog.Debian.gz. */
  changelog?: string;
  /** When the archive got it: the Last-Modified of its download. */
  modified?: Date;
}

/** Makes the deb in a pool directory of an archive; its path below the archive, as `Filename` has it. */
export async function makeDeb(archive: string, component: string, deb: SampleDeb): Promise<string> {
  const { package: name, version = '1.0-1', architecture = 'all' } = deb;
  const file = `pool/${component}/${name[0]}/${name}/${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`;
  const tree = await mkdtemp(path.join(tmpdir(), 'lockstep-deb-'));
  try {
    for (const [at, content] of Object.entries(contentOf(deb))) await write(path.join(tree, at), content);
    for (const [script, text] of Object.entries(deb.scripts ?? {})) {
      await writeFile(path.join(tree, 'DEBIAN', script), text, { mode: 0o755 });
    }
    await mkdir(path.dirname(path.join(archive, file)), { recursive: true });
    const env = { SOURCE_DATE_EPOCH: '0' };
    await execa('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, path.join(archive, file)], { env });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
  if (deb.modified !== undefined) await utimes(path.join(archive, file), deb.modified, deb.modified);
  return file;
}

/** What `apt-ftparchive packages` says of a deb. */
export async function debStanza(archive: string, file: string): Promise<string> {
  const { stdout } = await execa('apt-ftparchive', ['packages', file], { cwd: archive });
  return `${stdout.trimEnd()}\n`;
}

function contentOf(deb: SampleDeb): Record<string, string | Buffer> {
  const { package: name, version = '1.0-1', architecture = 'all', fields = {}, files = {}, changelog } = deb;
  const control = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: 'Nobody <nobody@example.org>',
    Description: `sample ${name}`,
    ...fields,
  };
  const text = Object.entries(control).map(([field, value]) => `${field}: ${value}\n`);
  const log = `usr/share/doc/${name}/changelog.Debian.gz`;
  return {
    ...files,
    ...(changelog === undefined ? {} : { [log]: gzipSync(changelog) }),
    'DEBIAN/control': text.join(''),
  };
}

async function write(file: string, content: string | Buffer): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}
