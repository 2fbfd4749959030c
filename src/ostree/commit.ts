/** What becomes of a commit beside its tree. */
export interface CommitOptions {
  repo: string;
  /** The ref that is moved to the commit; null makes a commit without one. */
  ref: string | null;
  subject: string;
  /** Checksum of the parent; none by default: the commit then depends on its tree alone. */
  parent?: string;
  /** Seconds since 1970; 0 by default, for the same reason. */
  timestamp?: number;
  /** The tree is a hard-link checkout of this repository: files that are still its objects are not read again. */
  linked?: boolean;
  /** The tree, a directory on the repository's file system, is not needed any more: its files become the objects. */
  consumed?: boolean;
  /** Strings for the commit's metadata. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * The argv of `ostree commit` for trees laid over each other, the last on top: `tar=FILE`, `ref=REF`, `dir=PATH`. It adds
 * no modifier that would keep ostree from merging refs by their metadata alone. The disk is not waited for: see
 * deferred-sync.ts.
 */
export function commitArgv(trees: readonly string[], options: CommitOptions): string[] {
  const { repo, ref, subject, parent = 'none', timestamp = 0, metadata = {} } = options;
  const { linked = false, consumed = false } = options;
  return [
    'ostree',
    'commit',
    `--repo=${repo}`,
    ...(ref === null ? ['--orphan'] : [`--branch=${ref}`]),
    `--parent=${parent}`,
    `--subject=${subject}`,
    `--timestamp=@${timestamp}`,
    '--no-bindings',
    '--fsync=false',
    ...(linked ? ['--link-checkout-speedup'] : []),
    ...(consumed ? ['--consume'] : []),
    ...Object.entries(metadata).map(([key, value]) => `--add-metadata-string=${key}=${value}`),
    ...trees.map((tree) => `--tree=${tree}`),
  ];
}
