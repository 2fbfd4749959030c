import net from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';
import { trustOf } from '../trust.ts';
import type { Connection } from './connection.ts';
import { hostKeyAlgorithms, hostKeyError, isTrusted, type Trust } from './host-key.ts';
import { authMethods } from './identities.ts';
import { ProcessSocket } from './process-socket.ts';
import { Session } from './session.ts';

export interface ConnectOptions {
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** Bound on everything up to the login; 20 s when not given. */
  timeoutMs?: number;
}

// A dead link is noticed after about 20 s: long enough for a slow board, short enough to be told.
const keepalive = { keepaliveInterval: 5_000, keepaliveCountMax: 4 };

/**
 * Logs in to a device whose host key is the pinned one, or one that known_hosts holds. Throws E_SSH_HOST_KEY with both
 * fingerprints, E_SSH_HOST_KEY_UNKNOWN with the one that nobody knows, E_SSH_UNREACHABLE when nothing answers in time,
 * E_SSH_AUTH when every key was refused, E_INTERRUPTED when the signal fired.
 */
export async function connect(to: Connection, options: ConnectOptions): Promise<Session> {
  const environment = options.environment ?? process.env;
  const [methods, trust] = await Promise.all([authMethods(to, environment), trustOf(to, environment)]);
  const client = new ssh2.Client();
  let shown: Buffer | null = null;
  const hostVerifier = (key: Buffer): boolean => {
    shown = key;
    return isTrusted(key, trust);
  };
  const ready = untilReady(client, options.signal);
  const socket = socketTo(to, environment);
  client.connect({
    sock: socket,
    username: to.user,
    authHandler: methods,
    hostVerifier,
    algorithms: { serverHostKey: hostKeyAlgorithms(trust) as ServerHostKeyAlgorithm[] },
    readyTimeout: options.timeoutMs ?? 20_000,
    ...keepalive,
  });
  try {
    await ready;
  } catch (cause) {
    client.on('error', () => {});
    const said = await lastWords(socket);
    socket.destroy();
    throw explain(to, cause as SshError, { shown, trust, said }, options.signal);
  }
  return new Session(to.name, to.user, client, socket, options.signal);
}

/** The way to a device, a socket of our own: ssh2 does not let go of one that it has half closed, and a device that reboots never closes its half. */
export function socketTo(to: Connection, environment: NodeJS.ProcessEnv): Duplex {
  if (to.proxyCommand) return new ProcessSocket(to.proxyCommand, environment);
  return net.connect({ host: to.host, port: to.port, noDelay: true });
}

/** What the command on the way said, a moment after the connection failed; empty when there is none. */
async function lastWords(socket: Duplex): Promise<string> {
  if (!(socket instanceof ProcessSocket)) return '';
  await socket.ended(500);
  return socket.said;
}

type SshError = Error & { level?: string; code?: string };

function untilReady(client: Client, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason ?? new Error('interrupted'));
    const settle = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    client.once('ready', () => {
      settle();
      resolve();
    });
    client.on('error', (error: SshError) => {
      // An agent that does not answer is one method less, not the end: the next one is tried.
      if (error.level === 'agent') return;
      settle();
      reject(error);
    });
    client.once('close', () => {
      settle();
      reject(new Error('the other side closed the connection before the login'));
    });
  });
}

interface Seen {
  shown: Buffer | null;
  trust: Trust;
  /** By the command on the way. */
  said: string;
}

function explain(to: Connection, error: SshError, { shown, trust, said }: Seen, signal: AbortSignal): LockstepError {
  if (signal.aborted) return new LockstepError('E_INTERRUPTED', `device ${to.name}: interrupted`, { cause: error });
  const at = `device ${to.name} (${to.user}@${to.host}:${to.port})`;
  if (shown !== null && !isTrusted(shown, trust)) return hostKeyError(at, shown, trust);
  if (error.level === 'client-authentication') {
    return new LockstepError('E_SSH_AUTH', `${at} refused every key that was offered`, {
      hint: `Put a public key into the authorized_keys of ${to.user} there, or name another with \`identity:\`.`,
      cause: error,
    });
  }
  if (shown === null && said !== '') return onTheWay(at, said, error);
  const reason = error.code ?? error.message;
  return new LockstepError('E_SSH_UNREACHABLE', `${at} does not answer: ${reason}`, { cause: error });
}

/** A failure before the device was reached: what `ssh` said of a jump host, or another command of its own. */
function onTheWay(at: string, said: string, cause: Error): LockstepError {
  const message = `${at} cannot be reached, on the way there: ${said
    .split(/[\r\n]+/)
    .slice(-5)
    .join('; ')}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|is marked as revoked/.test(said)) {
    return new LockstepError('E_SSH_HOST_KEY', message, { hint: 'Find out why its key is another one now.', cause });
  }
  if (/Host key verification failed/.test(said)) {
    const hint = 'Log in to the jump host once by hand, compare its fingerprint, and let ssh keep it in known_hosts.';
    return new LockstepError('E_SSH_HOST_KEY_UNKNOWN', message, { hint, cause });
  }
  if (/Permission denied/.test(said)) {
    const hint = 'The jump host takes none of your keys; try `ssh` to it by hand.';
    return new LockstepError('E_SSH_AUTH', message, { hint, cause });
  }
  return new LockstepError('E_SSH_UNREACHABLE', message, { cause });
}
