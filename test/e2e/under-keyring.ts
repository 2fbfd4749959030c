import { archiveKeyring } from '../../src/apt/root/private-root.ts';

/**
 * A command under which the toolbox's archive keyring is another one, for runs of the command line: to it alone, in a
 * mount namespace of its own.
 */
export function underKeyring(keyring: string): string[] {
  const bind = `mount --bind "$0" ${archiveKeyring} && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-euc', bind, keyring];
}
