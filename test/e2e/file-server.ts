import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** A plain web server on 127.0.0.1, as any that serves an ostree repository. */
export class FileServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The files of a directory. */
  static open(root: string): Promise<FileServer> {
    return FileServer.#listening((request, response) => {
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
