import ssh2, { type ServerHostKeyAlgorithm } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';
import { trustOf } from '../trust.ts';
import type { Connection } from './connection.ts';
import { hostKeyAlgorithms } from './host-key.ts';
import { ProcessSocket } from './process-socket.ts';
import { type ConnectOptions, socketTo } from './ssh.ts';

/**
 * The host key that a machine shows, asked for without logging in and without trusting it. Throws E_SSH_UNREACHABLE when
 * nothing shows one in time, E_INTERRUPTED when the signal fired.
 */
export async function shownHostKey(to: Connection, options: ConnectOptions): Promise<Buffer> {
  const environment = options.environment ?? process.env;
  const trust = await trustOf(to, environment);
  const socket = socketTo(to, environment);
  const client = new ssh2.Client();
  const stop = () => socket.destroy();
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      client.on('error', reject);
      client.once('close', () => reject(new Error('the other side closed the connection')));
      client.connect({
        sock: socket,
        username: to.user,
        algorithms: { serverHostKey: hostKeyAlgorithms(trust) as ServerHostKeyAlgorithm[] },
        hostVerifier: (key: Buffer) => {
          resolve(key);
          return false;
        },
        readyTimeout: options.timeoutMs ?? 20_000,
      });
    });
  } catch (cause) {
    if (options.signal.aborted) throw new LockstepError('E_INTERRUPTED', `device ${to.name}: interrupted`, { cause });
    const said = socket instanceof ProcessSocket ? socket.said : '';
    const reason = said || (cause as NodeJS.ErrnoException).code || (cause as Error).message;
    throw new LockstepError('E_SSH_UNREACHABLE', `${to.host}:${to.port} shows no host key: ${reason}`, { cause });
  } finally {
    options.signal.removeEventListener('abort', stop);
    client.on('error', () => {});
    socket.destroy();
  }
}
