import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Served } from './commit-source.ts';
import { type ByteRange, parseRange } from './range.ts';

export interface RepoServer {
  /** Answers whatever connections it is given; it need not listen anywhere. */
  server: Server;
  /** Bytes of content sent until now, HTTP's headers not counted. */
  bytesSent(): number;
  /** What was sent whole until now, by path. */
  sent: ReadonlySet<string>;
  activity(): Activity;
  /** Why a request could not be answered though what it asked for should be there; null: every one was. */
  failure(): Error | null;
  close(): void;
}

export interface Activity {
  /** Milliseconds since a request came or the other side took a byte. */
  idleMs: number;
  /** Answers that are on their way. */
  sending: number;
}

export interface ServeOptions {
  /** What a path stands for; null: nothing. */
  find(url: string): Promise<Served | null>;
  /** Resolves when so many bytes may be sent. */
  throttle?: (bytes: number) => Promise<void>;
  /** Is told of every chunk. */
  onBytes?: (bytes: number) => void;
}

/** Bytes up to which a file is sent in one piece, with the headers: most objects are small, and each packet costs. */
const wholeLimit = 64 * 1024;

/**
 * Serves an archive repository as `ostree pull` wants it: GET and HEAD, byte ranges, connections kept alive (a puller asks for
 * thousands of small objects), and headers no longer than they must be.
 */
export function serveRepo(options: ServeOptions): RepoServer {
  const state = { bytes: 0, sending: 0, last: performance.now(), failure: null as Error | null };
  const sent = new Set<string>();
  const progress = (bytes: number) => {
    state.last = performance.now();
    state.bytes += bytes;
    if (bytes > 0) options.onBytes?.(bytes);
  };
  const server = createServer((request, response) => {
    progress(0);
    state.sending += 1;
    answer(options, request, response, progress)
      .then((whole) => {
        if (whole) sent.add(request.url ?? '');
      })
      .catch((error) => {
        // The puller went away, or what it asks for cannot be had: closing tells it that the answer is not whole.
        if (!response.destroyed) state.failure ??= error;
        if (response.headersSent) response.destroy();
        else refuse(response, 500);
      })
      .finally(() => {
        state.sending -= 1;
        state.last = performance.now();
      });
  });
  // A puller that thinks between two requests must find its connection open.
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  return {
    server,
    sent,
    bytesSent: () => state.bytes,
    activity: () => ({ idleMs: performance.now() - state.last, sending: state.sending }),
    failure: () => state.failure,
    close: () => server.closeAllConnections(),
  };
}

async function answer(
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  progress: (bytes: number) => void,
): Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405);
  }
  const found = await options.find(request.url ?? '/');
  progress(0);
  if (found === null) return refuse(response, 404);
  const size = 'bytes' in found ? found.bytes.length : found.size;
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`);
    return refuse(response, 416);
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('Content-Length', end - start + 1);
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  response.statusCode = range === null ? 200 : 206;
  withoutUsualHeaders(response);
  if (request.method === 'HEAD' || size === 0) {
    response.end();
    return false;
  }
  await send(found, { start, end }, response, options.throttle, progress);
  return range === null;
}

/** Content in pieces, each only when the other side has taken the one before. */
async function send(
  found: Served,
  { start, end }: ByteRange,
  response: ServerResponse,
  throttle: ServeOptions['throttle'],
  progress: (bytes: number) => void,
): Promise<void> {
  const gone = new Promise<never>((_, reject) => {
    response.once('close', () => reject(new Error('the connection was closed')));
  });
  gone.catch(() => {});
  let left = end - start + 1;
  const write = async (piece: Buffer) => {
    if (response.destroyed) return gone;
    left -= piece.length;
    await throttle?.(piece.length);
    progress(0);
    const taken = new Promise<void>((resolve) => {
      // With the end, headers and a small object go out as one.
      if (left === 0) response.end(piece, resolve);
      else response.write(piece, () => resolve());
    });
    await Promise.race([taken, gone]);
    progress(piece.length);
  };
  const bytes = bytesOf(found);
  if (bytes !== null) {
    for (let at = start; at <= end; at += wholeLimit)
      await write(bytes.subarray(at, Math.min(at + wholeLimit, end + 1)));
  } else if ('path' in found) {
    for await (const piece of createReadStream(found.path, { start, end, highWaterMark: wholeLimit }))
      await write(piece);
  } else if ('stream' in found) {
    for await (const piece of within(found.stream(), start, end)) await write(piece);
  }
  // The file became shorter than it was.
  if (left > 0) throw new Error('the file broke off');
}

/** Of a stream, the bytes from one to another. */
async function* within(stream: AsyncIterable<Buffer>, start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of stream) {
    const wanted = piece.subarray(Math.max(start - at, 0), Math.max(end + 1 - at, 0));
    at += piece.length;
    if (wanted.length > 0) yield wanted;
    if (at > end) return;
  }
}

/** What is small is read at once: thousands of requests would each wait for threads to open, read and close. Null: it is not small. */
function bytesOf(found: Served): Buffer | null {
  if ('bytes' in found) return found.bytes;
  return 'path' in found && found.size <= wholeLimit ? readFileSync(found.path) : null;
}

/** The date is of no use to a puller, and a connection of HTTP/1.1 is kept without its being said. */
function withoutUsualHeaders(response: ServerResponse): void {
  response.sendDate = false;
  response.removeHeader('Connection');
}

function refuse(response: ServerResponse, status: number): false {
  response.statusCode = status;
  response.setHeader('Content-Length', 0);
  withoutUsualHeaders(response);
  response.end();
  return false;
}
