import { homedir } from 'node:os';
import path from 'node:path';
import type { Connection } from './ssh/connection.ts';
import type { Trust } from './ssh/host-key.ts';
import { knownKeys } from './ssh/known-hosts.ts';

/** Gathers what is known of a device's host key. A pin is all there is to know: known_hosts is not read then. */
export async function trustOf(to: Connection, environment: NodeJS.ProcessEnv): Promise<Trust> {
  if (to.hostKey !== null) return { pinned: to.hostKey, known: [], files: [] };
  const files = to.client?.knownHosts ?? usualFiles(environment);
  const alias = to.client?.hostKeyAlias ?? null;
  return { pinned: null, known: await knownKeys({ host: to.host, port: to.port, alias }, files), files };
}

function usualFiles(environment: NodeJS.ProcessEnv): string[] {
  const home = path.join(environment.HOME ?? homedir(), '.ssh');
  const names = ['known_hosts', 'known_hosts2'];
  return [...names.map((name) => path.join(home, name)), ...names.map((name) => `/etc/ssh/ssh_${name}`)];
}
