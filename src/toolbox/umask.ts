/** Starts a process with umask 022, whatever this one's is: modes of what it makes must not depend on who builds. */
export function withUmask<T>(start: () => T): T {
  const own = process.umask(0o022);
  try {
    return start();
  } finally {
    process.umask(own);
  }
}
