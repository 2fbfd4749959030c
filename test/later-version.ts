import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { parseLockfile } from '../src/apt/lockfile/lockfile.ts';

/**
 * Puts a later version of a package, with a line more in one of its files, into a project's `panel.lock`, as a deb of the
 * project's own. The old version is taken from the project's repository.
 */
export async function putLaterVersion(dir: string, name: string, file: string): Promise<void> {
  const lockfile = path.join(dir, 'panel.lock');
  const text = await readFile(lockfile, 'utf8');
  const { packages } = parseLockfile(text, lockfile);
  const old = packages.find((entry) => entry.package === name);
  if (old === undefined) throw new Error(`${lockfile} has no ${name}`);
  const tree = path.join(dir, `${name}.tree`);
  await checkOut(path.join(dir, '.lockstep/repo'), old.sha256, tree);
  await appendFile(path.join(tree, file), '# a later version\n');
  const deb = path.join(dir, `${name}.deb`);
  await execa('dpkg-deb', ['--build', '-Znone', tree, deb]);
  await rm(tree, { recursive: true });
  const bytes = await readFile(deb);
  const stanza = text.split('\n\n').find((one) => one.startsWith(`Package: ${name}\n`)) ?? '';
  const later = stanza
    .replace(/^Version: .*/m, '$&+later')
    .replace(/^Filename: .*/m, `Filename: ./${name}.deb`)
    .replace(/^Size: .*/m, `Size: ${bytes.length}`)
    .replace(/^SHA256: .*/m, `SHA256: ${createHash('sha256').update(bytes).digest('hex')}`);
  await writeFile(lockfile, text.replace(stanza, later));
}

/** A deb's tree as dpkg-deb takes it, with a later version. */
async function checkOut(repo: string, sha256: string, tree: string): Promise<void> {
  for (const ref of [`dpkg/data/${sha256}`, `dpkg/control/${sha256}`]) {
    await execa('ostree', [`--repo=${repo}`, 'checkout', '--force-copy', '--union', ref, tree]);
  }
  const [info, control] = ['info', 'lockstep'].map((name) => path.join(tree, 'var/lib/dpkg', name)) as [string, string];
  await mkdir(path.join(tree, 'DEBIAN'));
  for (const entry of await readdir(info)) {
    const kind = entry.slice(entry.lastIndexOf('.') + 1);
    if (kind !== 'list') await rename(path.join(info, entry), path.join(tree, 'DEBIAN', kind));
  }
  const [file = ''] = await readdir(control);
  const fields = await readFile(path.join(control, file), 'utf8');
  await writeFile(path.join(tree, 'DEBIAN/control'), fields.replace(/^Version: .*/m, '$&+later'));
  await rm(path.join(tree, 'var/lib/dpkg'), { recursive: true });
}
