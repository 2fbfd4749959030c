import { readFile } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

export interface TextStart {
  text: string;
  /** Whether that is all of it. */
  whole: boolean;
}

/** Of the file as it stands in the deb; what is larger is no changelog. */
const mostBytes = 32 * 1024 * 1024;

/**
 * The beginning of a changelog, gzipped or not: about `limit` bytes of text, which bounds the memory too. Of one that is damaged,
 * what can be read. Throws as `fs` does.
 */
export async function readTextStart(
  { object, size }: { object: string; size: number },
  limit: number,
): Promise<TextStart> {
  if (size > mostBytes) return { text: '', whole: false };
  const bytes = await readFile(object);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const { content, whole } = isGzip ? await inflateStart(bytes, limit) : startOf(bytes, limit);
  // Entries of the last century have other encodings: what is not UTF-8 becomes U+FFFD.
  return { text: content.toString('utf8'), whole };
}

function startOf(bytes: Buffer, limit: number): { content: Buffer; whole: boolean } {
  return { content: bytes.subarray(0, limit), whole: bytes.length <= limit };
}

async function inflateStart(bytes: Buffer, limit: number): Promise<{ content: Buffer; whole: boolean }> {
  const inflated = createGunzip({ chunkSize: 16 * 1024 });
  inflated.end(bytes);
  const parts: Buffer[] = [];
  let length = 0;
  let whole = true;
  try {
    for await (const part of inflated as AsyncIterable<Buffer>) {
      parts.push(part);
      length += part.length;
      if (length <= limit) continue;
      whole = false;
      break;
    }
  } catch {
    whole = false;
  }
  return { content: Buffer.concat(parts), whole };
}
