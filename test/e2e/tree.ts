import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

export interface TreeEntry {
  /** Relative to the root of the tree. */
  name: string;
  /** As find's %y: f, d, l, … */
  kind: string;
  /** Kind, mode, owner, and link target or sha256: all that is compared. */
  text: string;
}

/**
 * Every entry of a directory tree, by name. With `etc`, a directory of the tree, owners are given by the names that the
 * passwd and group there have for them. Times are not part of it: ostree keeps none.
 */
export async function describeTree(root: string, etc?: string): Promise<Map<string, TreeEntry>> {
  const listing = await execa('find', [root, '-mindepth', '1', '-printf', '%y\\t%m\\t%U\\t%G\\t%l\\t%P\\0'], {
    maxBuffer: 1e9,
  });
  const sums = await sha256Of(root);
  const [users, groups] = [await namesIn(root, etc, 'passwd'), await namesIn(root, etc, 'group')];
  const entries = listing.stdout.split('\0').filter(Boolean);
  return new Map(
    entries.map((line) => {
      const [kind = '', mode = '', uid = '', gid = '', link = '', name = ''] = line.split('\t');
      const owner = `${mode} ${users.get(uid) ?? uid}:${groups.get(gid) ?? gid}`;
      const content = kind === 'f' ? (sums.get(name) ?? '') : link;
      return [name, { name, kind, text: `${kind} ${kind === 'l' ? '' : owner} ${content}` }];
    }),
  );
}

/** Names by number, of passwd(5) or group(5). */
async function namesIn(root: string, etc: string | undefined, file: string): Promise<Map<string, string>> {
  if (etc === undefined) return new Map();
  const lines = (await readFile(`${root}/${etc}/${file}`, 'utf8')).split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.split(':')[2] ?? '', line.split(':')[0] ?? '']));
}

async function sha256Of(root: string): Promise<Map<string, string>> {
  const command = 'find . -type f -print0 | xargs -0 sha256sum --zero';
  const { stdout } = await execa('sh', ['-c', command], { cwd: root, maxBuffer: 1e9 });
  const lines = stdout.split('\0').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(66).replace(/^\.\//, ''), line.slice(0, 64)]));
}
