import type { Tree, TreeEntry } from '../../ostree/tree.ts';

export interface FileChange {
  path: string;
  kind: 'added' | 'removed' | 'changed';
  /** What of it changed; empty when it was added or removed. */
  what: ('type' | 'content' | 'mode' | 'owner' | 'capabilities')[];
  /** null: no package brought it. */
  package: string | null;
  /** Bytes before and after; 0 for what is no file. */
  from: number;
  to: number;
}

/** The package of a path, in the later commit if it is there. */
export type OwnerOf = (path: string) => string | null;

/** What became of each path, sorted. Of directories only those that changed their owner or mode, came or went. */
export function fileChanges(before: Tree, after: Tree, ownerOf: OwnerOf): FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    const what = old === undefined || now === undefined ? [] : differences(old, now);
    if (old !== undefined && now !== undefined && what.length === 0) return [];
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    return [{ path, kind, what, package: ownerOf(path), from: old?.size ?? 0, to: now?.size ?? 0 }];
  });
}

function differences(old: TreeEntry, now: TreeEntry): FileChange['what'] {
  if (old.kind !== now.kind) return ['type'];
  const same = old.kind === 'directory' || old.checksum === now.checksum;
  const what: FileChange['what'] = [];
  if (old.mode !== now.mode) what.push('mode');
  if (old.uid !== now.uid || old.gid !== now.gid) what.push('owner');
  if (old.capability?.toString('hex') !== now.capability?.toString('hex')) what.push('capabilities');
  // ostree's checksum covers all of these: alone it says that the content changed only when nothing else explains it.
  if (!same && (what.length === 0 || old.size !== now.size || old.target !== now.target)) what.unshift('content');
  return what;
}
