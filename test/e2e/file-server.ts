import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

type Instead = (name: string, response: ServerResponse) => boolean;

/** A plain web server on 127.0.0.1, as any that serves an ostree repository. */
export class FileServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The files of a directory, but where `instead` has answered. */
  static open(root: string, instead: Instead = () => false): Promise<FileServer> {
    return FileServer.#listening((request, response) => {
      if (instead(request.url ?? '/', response)) return;
      readFile(path.join(root, path.normalize(decodeURI(request.url ?? '/')))).then(
        (bytes) =>
          response.writeHead(200, { 'content-length': bytes.length }).end(request.method === 'HEAD' ? '' : bytes),
        () => response.writeHead(404).end(),
      );
    });
  }

  /** Accepts connections and says nothing. */
  static silent(): Promise<FileServer> {
    return FileServer.#listening(() => {});
  }

  static async #listening(listener: RequestListener): Promise<FileServer> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    return new FileServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Serves a directory, but of no content object more than its length. `stalled` resolves at the first that is asked for. */
export async function stallingServer(
  root: string,
): Promise<{ url: string; stalled: Promise<void>; close(): Promise<void> }> {
  let reached = () => {};
  const stalled = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const server = await FileServer.open(root, (name, response) => {
    if (!name.endsWith('.filez')) return false;
    response.writeHead(200, { 'content-length': 1000 }).flushHeaders();
    reached();
    return true;
  });
  return { url: server.url, stalled, close: () => server.close() };
}
