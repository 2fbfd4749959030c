import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** What a path answers in place of its file: contents, a status code, or whatever it likes. */
export type Answer = Buffer | number | ((request: IncomingMessage, response: ServerResponse) => void);

/** Files below a directory over HTTP on 127.0.0.1, with Last-Modified, ranges, and answers that may be replaced. */
export class StaticServer {
  readonly answers = new Map<string, Answer>();
  /** `METHOD /path` of every request, in order. */
  readonly requests: string[] = [];
  readonly #root: string;
  readonly #server: Server;

  private constructor(root: string) {
    this.#root = root;
    this.#server = createServer((request, response) => void this.answer(request, response));
  }

  static async open(root: string): Promise<StaticServer> {
    const server = new StaticServer(root);
    await new Promise<void>((listening) => server.#server.listen(0, '127.0.0.1', listening));
    return server;
  }

  /** Without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    this.requests.push(`${request.method} ${pathname}`);
    const answer = this.answers.get(pathname);
    if (typeof answer === 'function') return answer(request, response);
    if (typeof answer === 'number') return void response.writeHead(answer).end();
    if (answer !== undefined) return void response.end(answer);
    await this.#file(path.join(this.#root, decodeURIComponent(pathname)), request, response);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #file(file: string, { method, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = await stat(file).catch(() => null);
    if (found === null || !found.isFile()) return void response.writeHead(404).end();
    const modified = new Date(Math.floor(found.mtimeMs / 1000) * 1000);
    response.setHeader('Last-Modified', modified.toUTCString());
    const since = headers['if-modified-since'];
    if (since !== undefined && Date.parse(since) >= modified.getTime()) return void response.writeHead(304).end();
    const content = await readFile(file);
    const whole = headers['if-range'] !== undefined && Date.parse(`${headers['if-range']}`) !== modified.getTime();
    const from = Number(whole ? 0 : (/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));
    if (from > 0 && from >= content.length) return void response.writeHead(416).end();
    response.statusCode = from > 0 ? 206 : 200;
    if (from > 0) response.setHeader('Content-Range', `bytes ${from}-${content.length - 1}/${content.length}`);
    response.setHeader('Content-Length', content.length - from);
    response.end(method === 'HEAD' ? undefined : content.subarray(from));
  }
}
