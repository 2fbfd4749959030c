import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseRange } from './range.ts';

export interface RepoServer {
  /** Answers whatever connections it is given; it need not listen anywhere. */
  server: Server;
  /** Bytes of file content sent until now. */
  bytesSent(): number;
  /** Files sent until now. */
  filesSent(): number;
  close(): void;
}

/**
 * Serves an archive repository as `ostree pull` wants it: GET and HEAD of regular files inside `dir`, byte ranges,
 * connections kept alive (a puller asks for thousands of small objects). `onBytes` is told of every chunk.
 */
export function serveRepo(dir: string, onBytes: (bytes: number) => void = () => {}): RepoServer {
  const sent = { bytes: 0, files: 0 };
  const count = (bytes: number) => {
    sent.bytes += bytes;
    onBytes(bytes);
  };
  const server = createServer((request, response) => {
    answer(dir, request, response, count)
      .then((whole) => {
        if (whole) sent.files += 1;
      })
      .catch(() => {
        // The puller went away or the file broke off: closing tells it that the answer is not whole.
        if (response.headersSent) response.destroy();
        else refuse(response, 500);
      });
  });
  // A puller that thinks between two requests must find its connection open.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;
  return {
    server,
    bytesSent: () => sent.bytes,
    filesSent: () => sent.files,
    close: () => server.closeAllConnections(),
  };
}

async function answer(
  dir: string,
  request: IncomingMessage,
  response: ServerResponse,
  count: (bytes: number) => void,
): Promise<boolean> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405);
  }
  const file = await fileOf(dir, request.url ?? '/');
  if (file === null) return refuse(response, 404);
  const range = parseRange(request.headers.range, file.size);
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${file.size}`);
    return refuse(response, 416);
  }
  const { start, end } = range ?? { start: 0, end: file.size - 1 };
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('Content-Type', 'application/octet-stream');
  response.setHeader('Content-Length', end - start + 1);
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end}/${file.size}`);
  response.writeHead(range === null ? 200 : 206);
  if (request.method === 'HEAD' || file.size === 0) {
    response.end();
    return false;
  }
  await pipeline(createReadStream(file.path, { start, end }), counter(count), response);
  return true;
}

function refuse(response: ServerResponse, status: number): false {
  response.statusCode = status;
  response.setHeader('Content-Length', 0);
  response.end();
  return false;
}

function counter(count: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      count(chunk.length);
      done(null, chunk);
    },
  });
}

/** The regular file that a request path names, or null: also for every path that leads out of `dir`, by `..` or by a link. */
async function fileOf(dir: string, url: string): Promise<{ path: string; size: number } | null> {
  const relative = decodedPath(url);
  if (relative === null) return null;
  try {
    const root = await realpath(dir);
    const real = await realpath(path.join(root, relative));
    if (!real.startsWith(root + path.sep)) return null;
    const status = await stat(real);
    return status.isFile() ? { path: real, size: status.size } : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') return null;
    throw error;
  }
}

function decodedPath(url: string): string | null {
  try {
    const decoded = decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '');
    if (!decoded.startsWith('/') || decoded.includes('\0')) return null;
    return decoded.split('/').includes('..') ? null : decoded;
  } catch {
    return null;
  }
}
