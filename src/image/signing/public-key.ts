import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LockstepError } from '../../errors/index.ts';

/** The keys that signatures are held against. */
export interface PublicKey {
  /** The file that they were read from. */
  file: string;
  /** Its packets, without armor: what gpgv takes for a keyring. */
  packets: Buffer;
  /** Of the primary keys in it: 40 upper-case hexadecimal digits each, 64 of a version 6 key. */
  fingerprints: string[];
}

interface Packet {
  tag: number;
  body: Buffer;
}

const secretTags = [5, 7];
const primaryTag = 6;

/**
 * Reads a file of OpenPGP public keys, armored or not (RFC 9580, 6.2 and 4.2). Throws E_SIGN_KEY when it is missing, holds
 * something else, or a secret key, which would end in every image.
 */
export async function readPublicKey(file: string): Promise<PublicKey> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new LockstepError('E_SIGN_KEY', `cannot read the public key ${file}: ${cause.message}`, { hint, cause });
  });
  return parsePublicKey(file, bytes);
}

export function parsePublicKey(file: string, bytes: Buffer): PublicKey {
  const packets = dearmored(bytes);
  const found = packetsOf(packets);
  if (found?.some(({ tag }) => secretTags.includes(tag))) {
    const message = `${file} holds a secret key: signing.publicKey is for a public one, which the image may carry`;
    throw new LockstepError('E_SIGN_KEY', message, { hint });
  }
  const primary = found?.filter(({ tag }) => tag === primaryTag) ?? [];
  if (primary.length === 0) {
    throw new LockstepError('E_SIGN_KEY', `${file} holds no OpenPGP public key`, { hint });
  }
  return { file, packets, fingerprints: primary.map(({ body }) => fingerprintOf(body)) };
}

const hint = 'write it with `gpg --armor --export FINGERPRINT >FILE`, and commit the file';

/** Several armored blocks may follow each other; text between them is not part of them. */
function dearmored(bytes: Buffer): Buffer {
  // Every packet begins with a byte whose highest bit is set; armor is text.
  if (((bytes[0] ?? 0) & 0x80) !== 0) return bytes;
  const blocks = bytes.toString('latin1').matchAll(/^-----BEGIN PGP [^\n]*-----\s*?\n([\s\S]*?)^-----END PGP /gm);
  return Buffer.concat([...blocks].map(([, block = '']) => Buffer.from(base64Of(block), 'base64')));
}

/** Without the headers before the first empty line and the checksum, which begins with `=`. */
function base64Of(block: string): string {
  const lines = block.split(/\r?\n/).map((line) => line.trim());
  const body = lines.slice(lines.indexOf('') + 1);
  return body.filter((line) => !line.startsWith('=')).join('');
}

/** null when the bytes are no packets. Key files have no packets of partial or indeterminate length. */
function packetsOf(bytes: Buffer): Packet[] | null {
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = headOf(bytes, at);
    if (head === null || head.end > bytes.length) return null;
    packets.push({ tag: head.tag, body: bytes.subarray(head.start, head.end) });
    at = head.end;
  }
  return packets;
}

function headOf(bytes: Buffer, at: number): { tag: number; start: number; end: number } | null {
  const first = bytes[at] ?? 0;
  if ((first & 0x80) === 0 || at + 6 > bytes.length) return null;
  const range = (tag: number, lengthSize: number, length: number) => {
    const start = at + 1 + lengthSize;
    return { tag, start, end: start + length };
  };
  if ((first & 0x40) === 0) {
    const size = [1, 2, 4][first & 3];
    return size === undefined ? null : range((first >> 2) & 15, size, bytes.readUIntBE(at + 1, size));
  }
  const length = bytes[at + 1] ?? 0;
  if (length < 192) return range(first & 63, 1, length);
  if (length < 224) return range(first & 63, 2, ((length - 192) << 8) + (bytes[at + 2] ?? 0) + 192);
  return length === 255 ? range(first & 63, 5, bytes.readUInt32BE(at + 2)) : null;
}

/** RFC 9580, 5.5.4. */
function fingerprintOf(body: Buffer): string {
  const version = body[0] ?? 0;
  const head = Buffer.alloc(version > 4 ? 5 : 3);
  head[0] = version > 4 ? 0x95 + version : 0x99;
  head.writeUIntBE(body.length, 1, head.length - 1);
  const hash = createHash(version > 4 ? 'sha256' : 'sha1')
    .update(head)
    .update(body);
  return hash.digest('hex').toUpperCase();
}
