/** The locks of an image's users and groups, which its builds write beside the lockfile. */
export function idLocks(lockfile: string): string[] {
  const stem = lockfile.replace(/\.lock$/, '');
  return [`${stem}.passwd`, `${stem}.group`];
}
