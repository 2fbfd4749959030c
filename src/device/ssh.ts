import net from 'node:net';
import ssh2, { type Client } from 'ssh2';
import { LockstepError } from '../errors/index.ts';
import type { Connection } from './connection.ts';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';
import { authMethods } from './identities.ts';
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
 * Logs in to a device whose host key is the pinned one. Throws E_SSH_HOST_KEY with both fingerprints, E_SSH_UNREACHABLE
 * when nothing answers in time, E_SSH_AUTH when every key was refused, E_INTERRUPTED when the signal fired.
 */
export async function connect(to: Connection, options: ConnectOptions): Promise<Session> {
  const methods = await authMethods(to, options.environment ?? process.env);
  const client = new ssh2.Client();
  let shown: Buffer | null = null;
  const hostVerifier = (key: Buffer): boolean => {
    shown = key;
    return fingerprintOf(key) === to.hostKey;
  };
  const ready = untilReady(client, options.signal);
  // A socket of our own: ssh2 does not let go of one that it has half closed, and a device that reboots never closes its half.
  const socket = net.connect({ host: to.host, port: to.port });
  client.connect({
    sock: socket,
    username: to.user,
    authHandler: methods,
    hostVerifier,
    readyTimeout: options.timeoutMs ?? 20_000,
    ...keepalive,
  });
  try {
    await ready;
  } catch (cause) {
    client.on('error', () => {});
    socket.destroy();
    throw explain(to, cause as SshError, shown, options.signal);
  }
  return new Session(to.name, to.user, client, socket, options.signal);
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

function explain(to: Connection, error: SshError, shown: Buffer | null, signal: AbortSignal): LockstepError {
  if (signal.aborted) return new LockstepError('E_INTERRUPTED', `device ${to.name}: interrupted`, { cause: error });
  const at = `device ${to.name} (${to.user}@${to.host}:${to.port})`;
  if (shown !== null && fingerprintOf(shown) !== to.hostKey) {
    const message = `${at} shows the ${keyTypeOf(shown)} host key ${fingerprintOf(shown)}, pinned is ${to.hostKey}`;
    return new LockstepError('E_SSH_HOST_KEY', message, {
      hint: 'Find out whether it was reinstalled or is another machine; only then correct `hostKey:`, to this kind of key.',
    });
  }
  if (error.level === 'client-authentication') {
    return new LockstepError('E_SSH_AUTH', `${at} refused every key that was offered`, {
      hint: `Put a public key into the authorized_keys of ${to.user} there, or name another with \`identity:\`.`,
      cause: error,
    });
  }
  const reason = error.code ?? error.message;
  return new LockstepError('E_SSH_UNREACHABLE', `${at} does not answer: ${reason}`, { cause: error });
}
