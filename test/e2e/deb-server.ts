import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MadeDeb } from '../deb/debs.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** An archive on 127.0.0.1 that has the debs of a test and can be made to misbehave for each of them. */
export class DebServer {
  /** Paths asked for, in their order. */
  readonly requests: string[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const filename = decodeURI(request.url ?? '').slice(1);
      this.requests.push(filename);
      const answer = this.#answers.get(filename);
      if (answer === undefined) response.writeHead(404).end();
      else answer(response, request);
    });
  }

  static async open(): Promise<DebServer> {
    const server = new DebServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  readonly candidates = (filename: string): string[] => {
    return [`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${filename}`];
  };

  /** Serves a deb, with byte ranges; other bytes than its own when given. */
  serve(deb: MadeDeb, bytes: Buffer = deb.bytes): void {
    this.#answers.set(deb.filename, (response, request) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': bytes.length - start,
        ...(start > 0 ? range : {}),
      });
      response.end(bytes.subarray(start));
    });
  }

  /** Breaks the first download off after `length` bytes; serves the rest when it is asked for, or does as `then` says. */
  cut(deb: MadeDeb, length: number, then: () => void = () => this.serve(deb)): void {
    this.#answers.set(deb.filename, (response) => {
      then();
      response.writeHead(200, { 'content-length': deb.size });
      response.write(deb.bytes.subarray(0, length), () => response.socket?.destroy());
    });
  }

  /** Sends `length` bytes and then nothing more. `reached` resolves when they are sent. */
  hang(deb: MadeDeb, length: number): Promise<void> {
    return new Promise((reached) => {
      this.#answers.set(deb.filename, (response) => {
        response.writeHead(200, { 'content-length': deb.size });
        response.write(deb.bytes.subarray(0, length), () => reached());
      });
    });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
