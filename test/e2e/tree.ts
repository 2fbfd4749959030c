import { execa } from 'execa';

export interface TreeEntry {
  /** Relative to the root of the tree. */
  name: string;
  /** As find's %y: f, d, l, … */
  kind: string;
  /** Kind, mode, owner, and link target or sha256: all that is compared. */
  text: string;
}

/** Every entry of a directory tree, by name. Directories' and files' times are not part of it: ostree keeps none. */
export async function describeTree(root: string): Promise<Map<string, TreeEntry>> {
  const listing = await execa('find', [root, '-mindepth', '1', '-printf', '%y\\t%m %U:%G\\t%l\\t%P\\0'], {
    maxBuffer: 1e9,
  });
  const sums = await sha256Of(root);
  const entries = listing.stdout.split('\0').filter(Boolean);
  return new Map(
    entries.map((line) => {
      const [kind = '', owner = '', link = '', name = ''] = line.split('\t');
      const content = kind === 'f' ? (sums.get(name) ?? '') : link;
      return [name, { name, kind, text: `${kind} ${kind === 'l' ? '' : owner} ${content}` }];
    }),
  );
}

async function sha256Of(root: string): Promise<Map<string, string>> {
  const command = 'find . -type f -print0 | xargs -0 sha256sum --zero';
  const { stdout } = await execa('sh', ['-c', command], { cwd: root, maxBuffer: 1e9 });
  const lines = stdout.split('\0').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(66).replace(/^\.\//, ''), line.slice(0, 64)]));
}
