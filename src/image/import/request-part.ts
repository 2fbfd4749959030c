import type { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { redact } from '../../errors/index.ts';
import { withoutCredentials } from '../../ostree/http-credentials.ts';

export interface Timeouts {
  /** Bound on making a connection. */
  connectMs: number;
  /** Bound on waiting for headers, and for the next bytes. */
  stallMs: number;
}

/** A file from an offset on. */
export interface Part {
  bytes: AsyncIterable<Buffer>;
  /** What tells this file from a later one at the same address: a strong ETag, or a date; null when there is none. */
  validator: string | null;
  /** Whether the end of the bytes is known to be the file's: not so where only the end of the connection says it. */
  bounded: boolean;
}

/** The server has no such file, and says so. */
export class Gone extends Error {}

/** The server did not answer as it should; asking again may help. */
export class NotServed extends Error {
  /** Whether there was no answer at all. */
  silent = false;
}

export interface PartRequest {
  offset: number;
  /** Of the file that the bytes before `offset` are from, when it was at this address. */
  validator: string | null;
  /** Ask caches on the way to ask the server itself. */
  fresh: boolean;
  /** Length of the whole file. */
  size: number;
  dispatcher: Dispatcher;
  signal: AbortSignal;
  timeouts: Timeouts;
}

/**
 * Asks for a file from `offset` on (RFC 9110, 13.1.5 and 14.2). A server that does not know ranges, or has another file by
 * now, sends the whole: its start is then thrown away, and whoever checks the sum finds out which it was. Throws Gone,
 * NotServed, or what the connection threw.
 */
export async function requestPart(url: string, part: PartRequest): Promise<Part> {
  const { offset, dispatcher, signal, timeouts } = part;
  const answered = answerWithin(timeouts.connectMs + timeouts.stallMs);
  const { address, authorization } = withoutCredentials(url);
  const { statusCode, headers, body } = await request(address, {
    dispatcher,
    signal: AbortSignal.any([signal, answered.signal]),
    headers: { 'user-agent': 'lockstep', ...authorization, ...conditions(part) },
    headersTimeout: timeouts.stallMs,
    bodyTimeout: timeouts.stallMs,
  })
    .catch((error: Error) => {
      throw Object.assign(new NotServed(`${redact(url)}: ${reasonOf(error)}`, { cause: error }), { silent: true });
    })
    .finally(answered.clear);
  const bounded = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  const found = (bytes: AsyncIterable<Buffer>) => ({
    bytes: described(url, bytes),
    validator: validatorOf(headers),
    bounded,
  });
  if (statusCode === 200) return found(offset > 0 ? after(body, offset) : body);
  const range = rangeOf(headers['content-range']);
  if (statusCode === 206 && range?.start === offset && (range.total ?? part.size) === part.size) return found(body);
  // A body that is not read to its end reports that as an error, which nobody needs to hear.
  body.on('error', () => {}).destroy();
  const said = `${redact(url)} answers with status ${statusCode}`;
  if (statusCode === 404 || statusCode === 410) throw new Gone(said);
  throw new NotServed(statusCode === 206 ? `${said} but another range than was asked for` : said);
}

function conditions({ offset, validator, fresh }: PartRequest): Record<string, string> {
  return {
    ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
    ...(offset > 0 && validator !== null ? { 'if-range': validator } : {}),
    ...(fresh ? { 'cache-control': 'no-cache' } : {}),
  };
}

type Headers = Dispatcher.ResponseData['headers'];

/** A weak ETag does not stand for bytes, so that If-Range must not have it. */
function validatorOf(headers: Headers): string | null {
  const tag = headers.etag;
  if (typeof tag === 'string' && tag.startsWith('"')) return tag;
  const date = headers['last-modified'];
  return typeof date === 'string' && tag === undefined ? date : null;
}

/** The client's own timeouts do not cover every wait for a proxy. */
function answerWithin(ms: number): { signal: AbortSignal; clear: () => void } {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${Math.round(ms / 1000)} s`)), ms);
  return { signal: late.signal, clear: () => clearTimeout(timer) };
}

async function* described(url: string, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  try {
    yield* body;
  } catch (error) {
    throw new NotServed(`${redact(url)}: ${reasonOf(error as Error)}`, { cause: error });
  }
}

async function* after(body: Readable, offset: number): AsyncGenerator<Buffer, void, void> {
  let skip = offset;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(skip);
    skip -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

function rangeOf(contentRange: string | string[] | undefined): { start: number; total: number | null } | null {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(contentRange));
  return match === null ? null : { start: Number(match[1]), total: match[2] === '*' ? null : Number(match[2]) };
}

/** A connection refused on several addresses comes as an AggregateError without a message of its own. */
function reasonOf(error: Error & { code?: string; errors?: Error[] }): string {
  return error.errors?.[0]?.message ?? (error.message || error.code || error.name);
}
