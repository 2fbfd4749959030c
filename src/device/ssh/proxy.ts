import { LockstepError } from '../../errors/index.ts';
import { type ClientConfig, fileArguments, jumpsBefore } from './client-config.ts';
import { quote } from './shell.ts';
import { expandTokens } from './ssh-tokens.ts';

/** Jump hosts that lead to each other would lead nowhere. */
const mostJumps = 8;

/**
 * The command through which a device is reached, ready for a shell; null: by a connection of our own. Jump hosts are
 * left to the OpenSSH client, which knows its keys, agents and known_hosts; it asks nobody and takes no unknown key.
 */
export async function proxyCommandOf(
  device: string,
  config: ClientConfig,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  const jumps = await allJumps(device, config.jumps, environment);
  const command = jumpCommand(jumps, fileArguments(environment)) ?? config.proxyCommand;
  if (command === null) return null;
  const { host, port, user } = config;
  return expandTokens(command, { '%': '%', h: host, n: host, p: String(port), r: user }, {});
}

/** The hosts to pass, with those before the first of them. */
async function allJumps(device: string, jumps: string[], environment: NodeJS.ProcessEnv): Promise<string[]> {
  let all = jumps;
  for (let first = all[0]; first !== undefined; ) {
    const before = await jumpsBefore(parseHop(first), environment);
    if (before.length === 0) return all;
    all = [...before, ...all];
    if (all.length > mostJumps) {
      throw new LockstepError('E_SSH_CONFIG', `device ${device}: its jump hosts lead in a circle: ${all.join(', ')}`);
    }
    first = all[0];
  }
  return all;
}

function parseHop(hop: string): { host: string; port: number | null; user: string | null } {
  const [, user = null, bracketed, bare = '', port] = /^(?:(.*)@)?(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(hop) ?? [];
  return { host: bracketed ?? bare, port: port === undefined ? null : Number(port), user };
}

/** A ProxyCommand, its tokens not expanded: each hop is reached through the command of those before it. */
function jumpCommand(jumps: readonly string[], files: readonly string[]): string | null {
  const last = jumps.at(-1);
  if (last === undefined) return null;
  const before = jumpCommand(jumps.slice(0, -1), files);
  const { host, port, user } = parseHop(last);
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'ClearAllForwardings=yes', 'ConnectTimeout=15'];
  if (before !== null) options.push(`ProxyCommand=${before}`);
  const argv = [
    ...['ssh', '-T', ...files, ...options.flatMap((option) => ['-o', option])],
    ...(port === null ? [] : ['-p', String(port)]),
    ...(user === null ? [] : ['-l', user]),
  ];
  const words = [...argv, '-W', '\0', '--', host].map((word) => quote(word.replaceAll('%', '%%')));
  return words.join(' ').replace("'\0'", "'[%h]:%p'");
}
