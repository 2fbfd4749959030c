/**
 * Starts a command in namespaces of its own: what it mounts is gone when it ends, and its children with it. To be
 * followed by `freshProc` where that can be, `--`, and the command.
 */
export const isolation: readonly string[] = [
  ...['unshare', '--mount', '--propagation', 'private', '--uts'],
  ...['--pid', '--fork', '--kill-child'],
];

/** Lets /proc show the new pid namespace. */
export const freshProc = '--mount-proc';
