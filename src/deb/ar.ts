import { ByteReader } from './byte-reader.ts';

/** A file inside an `ar` archive. Its body must be read to the end, or is skipped, before the next one is asked for. */
export interface ArMember {
  name: string;
  /** Bytes of the body. */
  size: number;
  body: AsyncIterable<Buffer>;
}

/** What is wrong with an archive, without knowing whose it is: callers add the package's name. */
export class ArError extends Error {}

const magic = '!<arch>\n';
const headerLength = 60;
const headerEnd = '`\n';

/**
 * The members of an `ar` archive in their order, as the stream brings them: nothing is held but a header. Reads the
 * common format with names of at most 16 characters, as deb(5) asks for; the slash that System V puts behind a name is
 * taken away. Throws ArError for what is not an archive, a damaged header, and an end that comes too early.
 */
export async function* readAr(source: AsyncIterable<Buffer>): AsyncGenerator<ArMember, void, void> {
  const reader = new ByteReader(source);
  try {
    await expectMagic(reader);
    for (;;) {
      const header = await reader.upTo(headerLength);
      if (header.length === 0) return;
      const { name, size } = parseHeader(header, reader.position - header.length);
      const end = reader.position + size;
      yield { name, size, body: bodyOf(reader, name, end) };
      await skip(reader, name, end);
      await skipPadding(reader, size);
    }
  } finally {
    await reader.close();
  }
}

async function expectMagic(reader: ByteReader): Promise<void> {
  const start = await reader.upTo(magic.length);
  if (start.toString('latin1') === magic) return;
  throw new ArError(start.length === 0 ? 'it is empty' : 'it is not an ar archive');
}

function parseHeader(header: Buffer, offset: number): { name: string; size: number } {
  if (header.length < headerLength) throw new ArError(`it ends within the header at byte ${offset}`);
  const text = header.toString('latin1');
  const size = text.slice(48, 58).trimEnd();
  if (text.slice(58) !== headerEnd || !/^\d+$/.test(size)) {
    throw new ArError(`there is junk instead of a member's header at byte ${offset}`);
  }
  return { name: text.slice(0, 16).trimEnd().replace(/\/$/, ''), size: Number(size) };
}

async function* bodyOf(reader: ByteReader, name: string, end: number): AsyncGenerator<Buffer, void, void> {
  while (reader.position < end) {
    const chunk = await reader.some(end - reader.position);
    if (chunk === null) throw new ArError(`it ends ${end - reader.position} bytes before the end of ${name}`);
    yield chunk;
  }
}

async function skip(reader: ByteReader, name: string, end: number): Promise<void> {
  for await (const _chunk of bodyOf(reader, name, end)) {
    // Only its length matters.
  }
}

/** Members start at even bytes; the last one's padding may be missing, as it is in debs that other tools made. */
async function skipPadding(reader: ByteReader, size: number): Promise<void> {
  if (size % 2 === 1) await reader.some(1);
}
