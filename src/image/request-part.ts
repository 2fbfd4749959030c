import type { Readable } from 'node:stream';
import { type Dispatcher, request } from 'undici';
import { redact } from '../errors/index.ts';

export interface Timeouts {
  /** Bound on making a connection. */
  connectMs: number;
  /** Bound on waiting for headers, and for the next bytes. */
  stallMs: number;
}

/** A file's bytes from an offset on. */
export type Part = AsyncIterable<Buffer>;

/** The server has no such file, and says so. */
export class Gone extends Error {}

/** The server did not answer as it should; asking again may help. */
export class NotServed extends Error {}

export interface PartRequest {
  offset: number;
  dispatcher: Dispatcher;
  signal: AbortSignal;
  timeouts: Timeouts;
}

/**
 * Asks for a file from `offset` on (RFC 9110, 14.2). A server that does not know ranges sends the whole: its start is
 * then thrown away. Throws Gone, NotServed, or what the connection threw.
 */
export async function requestPart(url: string, { offset, dispatcher, signal, timeouts }: PartRequest): Promise<Part> {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const answered = answerWithin(timeouts.connectMs + timeouts.stallMs);
  const { statusCode, headers, body } = await request(url, {
    dispatcher,
    signal: AbortSignal.any([signal, answered.signal]),
    headers: { 'user-agent': 'lockstep', ...range },
    headersTimeout: timeouts.stallMs,
    bodyTimeout: timeouts.stallMs,
  })
    .catch((error: Error) => {
      throw new NotServed(`${redact(url)}: ${reasonOf(error)}`, { cause: error });
    })
    .finally(answered.clear);
  if (statusCode === 200) return described(url, offset > 0 ? after(body, offset) : body);
  if (statusCode === 206 && startOf(headers['content-range']) === offset) return described(url, body);
  // A body that is not read to its end reports that as an error, which nobody needs to hear.
  body.on('error', () => {}).destroy();
  const said = `${redact(url)} answers with status ${statusCode}`;
  if (statusCode === 404 || statusCode === 410) throw new Gone(said);
  throw new NotServed(statusCode === 206 ? `${said} but another range than was asked for` : said);
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

function startOf(contentRange: string | string[] | undefined): number | null {
  const start = /^bytes (\d+)-/.exec(String(contentRange))?.[1];
  return start === undefined ? null : Number(start);
}

/** A connection refused on several addresses comes as an AggregateError without a message of its own. */
function reasonOf(error: Error & { code?: string; errors?: Error[] }): string {
  return error.errors?.[0]?.message ?? (error.message || error.code || error.name);
}
