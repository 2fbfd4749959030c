import type { Server } from 'node:http';
import type { AcceptConnection, Client, ClientChannel, TcpConnectionDetails } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';

export interface Forward {
  /** Loopback port on the device. */
  port: number;
  /** Takes the port away and ends what is connected to it. */
  close(): void;
}

/**
 * Asks sshd for a loopback port on the device and hands every connection to it to an HTTP server of this process, which
 * need not listen anywhere: the device reaches the server without a route to anything.
 */
export function forwardToServer(client: Client, device: string, server: Server): Promise<Forward> {
  return new Promise((resolve, reject) => {
    client.forwardIn('127.0.0.1', 0, (error, port) => {
      if (error !== undefined) {
        reject(
          new LockstepError(
            'E_DEVICE_PREPARE',
            `device ${device}: its sshd refuses port forwarding: ${error.message}`,
            {
              hint: 'Set `AllowTcpForwarding yes` (or `remote`) in its sshd_config.',
              cause: error,
            },
          ),
        );
        return;
      }
      const channels = new Set<ClientChannel>();
      const onConnection = (details: TcpConnectionDetails, accept: AcceptConnection<ClientChannel>) => {
        if (details.destPort !== port) return;
        const channel = asSocket(accept());
        channels.add(channel);
        channel.once('close', () => channels.delete(channel));
        server.emit('connection', channel);
      };
      client.on('tcp connection', onConnection);
      resolve({
        port,
        close() {
          client.off('tcp connection', onConnection);
          for (const channel of channels) channel.destroy();
          try {
            client.unforwardIn('127.0.0.1', port, () => {});
          } catch {
            // The connection is gone, and the port with it.
          }
        },
      });
    });
  });
}

/** Gives a channel the methods of a socket that node's HTTP server calls; there is nothing for them to set. */
function asSocket(channel: ClientChannel): ClientChannel {
  const nothing = () => channel;
  channel.on('error', () => {});
  // What is written together, such as headers and a small object, goes out as one packet.
  const { _write: write } = channel;
  Object.assign(channel, {
    _writev: (chunks: { chunk: Buffer }[], done: () => void) => {
      write.call(
        channel,
        Buffer.concat(chunks.map(({ chunk }) => Buffer.from(chunk))),
        'buffer' as BufferEncoding,
        done,
      );
    },
  });
  return Object.assign(channel, {
    setTimeout: nothing,
    setNoDelay: nothing,
    setKeepAlive: nothing,
    ref: nothing,
    unref: nothing,
    destroySoon: () => channel.end(),
  });
}
