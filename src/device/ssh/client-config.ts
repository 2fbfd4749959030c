import { homedir, hostname, userInfo } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { LockstepError } from '../../errors/index.ts';
import { expandTilde, expandTokens } from './ssh-tokens.ts';

/** What the OpenSSH client on this machine would do to reach a host. */
export interface ClientConfig {
  /** After `HostName`. */
  host: string;
  port: number;
  user: string;
  /** Name to look its key up by, whatever its address and port (`HostKeyAlias`). */
  hostKeyAlias: string | null;
  /** Absolute paths, in the order in which they are read. */
  knownHosts: string[];
  /** Absolute paths; those that are not there are the usual ones. */
  identityFiles: string[];
  /** Keys of the agent count only when one of `identityFiles` is theirs. */
  identitiesOnly: boolean;
  /** Socket of the agent; null: none. */
  agent: string | null;
  /** `[user@]host[:port]`, in the order in which they are passed; empty: none. */
  jumps: string[];
  /** Command whose stdin and stdout are the connection, tokens not expanded. */
  proxyCommand: string | null;
}

/** What lockstep.yml says, which wins over the client's configuration. */
export interface Asked {
  /** The device's name, for messages. */
  device: string;
  host: string;
  port: number | null;
  user: string | null;
  /** As OpenSSH has it: `user@host:port,…` or `none`. */
  proxyJump: string | null;
}

/** A file to take in place of ~/.ssh/config and the system's, or `none`. */
const fileVariable = 'LOCKSTEP_SSH_CONFIG';

/**
 * Asks the OpenSSH client itself, by `ssh -G`: Include, Match and what else its files may hold mean what they mean to
 * `ssh`. Returns null on a machine without the program, and for a user whom the machine does not know, as in many
 * containers: there is no configuration that counts then. Throws E_SSH_CONFIG with ssh's words when it refuses its files.
 */
export async function readClientConfig(asked: Asked, environment: NodeJS.ProcessEnv): Promise<ClientConfig | null> {
  const overrides = [
    ...(asked.port === null ? [] : ['-p', String(asked.port)]),
    ...(asked.user === null ? [] : ['-l', asked.user]),
    ...(asked.proxyJump === null ? [] : ['-o', `ProxyJump=${asked.proxyJump}`]),
  ];
  const answer = await askClient([...overrides, '--', asked.host], filesRead(environment, 'root'), environment);
  if (answer === null) return null;
  if (answer instanceof Error) {
    throw new LockstepError('E_SSH_CONFIG', `device ${asked.device}: ssh refuses its configuration: ${answer.message}`);
  }
  return interpret(answer, environment);
}

/** The jump hosts that the configuration has for a host which is one itself. */
export async function jumpsBefore(
  hop: { host: string; port: number | null; user: string | null },
  environment: NodeJS.ProcessEnv,
): Promise<string[]> {
  const overrides = [
    ...(hop.port === null ? [] : ['-p', String(hop.port)]),
    ...(hop.user === null ? [] : ['-l', hop.user]),
  ];
  const answer = await askClient([...overrides, '--', hop.host], filesRead(environment, null), environment);
  if (answer instanceof Error) {
    throw new LockstepError('E_SSH_CONFIG', `jump host ${hop.host}: ssh refuses its configuration: ${answer.message}`);
  }
  return answer === null ? [] : interpret(answer, environment).jumps;
}

// Through a pipe of the shell: node gives its children sockets, which nobody can open by name.
const ask = `files=$1
shift
command -v ssh >/dev/null || exit 127
printf %s "$files" | ssh -T -G -F /dev/stdin "$@"`;

async function askClient(
  args: string[],
  files: string,
  environment: NodeJS.ProcessEnv,
): Promise<Map<string, string[]> | Error | null> {
  const result = await execa('/bin/sh', ['-c', ask, 'sh', files, ...args], {
    env: environment,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 15_000,
  });
  if (result.exitCode === 127 || /No user exists for uid/.test(result.stderr)) return null;
  if (result.exitCode === 0) return settingsIn(result.stdout);
  const said = result.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('Pseudo-terminal'));
  return new Error(said.join('; ') || result.shortMessage);
}

/**
 * The files that ssh would read by itself, and then the user. A device's is root unless somebody says otherwise; asked
 * without this, ssh would name the local user, and nobody could tell whether the configuration meant it.
 */
function filesRead(environment: NodeJS.ProcessEnv, user: string | null): string {
  const file = environment[fileVariable];
  const files = file === undefined || file === '' ? ['~/.ssh/config', '/etc/ssh/ssh_config'] : [file];
  const includes = files.filter((each) => each !== 'none').map((each) => `Include "${each}"\n`);
  const last = user === null ? '' : `Match all\nUser ${user}\n`;
  return `${includes.join('Match all\n')}${last}`;
}

/** Arguments by which `ssh` reads the same files. */
export function fileArguments(environment: NodeJS.ProcessEnv): string[] {
  const file = environment[fileVariable];
  return file === undefined || file === '' ? [] : ['-F', file];
}

function settingsIn(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    settings.set(key, [...(settings.get(key) ?? []), value]);
  }
  return settings;
}

function interpret(settings: Map<string, string[]>, environment: NodeJS.ProcessEnv): ClientConfig {
  const one = (key: string) => settings.get(key)?.[0] ?? null;
  const unlessNone = (key: string) => (one(key) === 'none' ? null : one(key));
  const home = environment.HOME ?? homedir();
  const [host, port, user] = [one('hostname') ?? '', one('port') ?? '22', one('user') ?? 'root'];
  const tokens = {
    '%': '%',
    d: home,
    h: host,
    k: one('hostkeyalias') ?? one('host') ?? host,
    l: hostname(),
    L: hostname().split('.')[0] ?? '',
    n: one('host') ?? host,
    p: port,
    r: user,
    u: localUser(),
    i: String(process.getuid?.() ?? ''),
  };
  const file = (text: string) => path.resolve(home, expandTilde(expandTokens(text, tokens, environment), home));
  const files = (key: string) => (unlessNone(key) ?? '').split(' ').filter((word) => word !== '');
  return {
    host,
    port: Number(port),
    user,
    hostKeyAlias: one('hostkeyalias'),
    knownHosts: [...files('userknownhostsfile'), ...files('globalknownhostsfile')].map(file),
    identityFiles: (settings.get('identityfile') ?? []).filter((each) => each !== 'none').map(file),
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: agentOf(one('identityagent'), environment, file),
    jumps: (unlessNone('proxyjump') ?? '').split(',').filter((hop) => hop !== ''),
    proxyCommand: unlessNone('proxycommand'),
  };
}

function agentOf(named: string | null, environment: NodeJS.ProcessEnv, file: (text: string) => string): string | null {
  if (named === 'none') return null;
  if (named === null || named === 'SSH_AUTH_SOCK') return environment.SSH_AUTH_SOCK || null;
  if (/^\$[A-Za-z_]\w*$/.test(named)) return environment[named.slice(1)] || null;
  return file(named);
}

function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
