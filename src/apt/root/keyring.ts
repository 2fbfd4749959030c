import { readFile } from 'node:fs/promises';
import { LockstepError } from '../../errors/index.ts';

/**
 * The OpenPGP keys in a file, in binary form, which gpgv needs. @param what what the file is to whom, for errors. Throws
 * E_CONFIG_VALUE.
 */
export async function readKeyring(file: string, what: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'is not there' : `cannot be read: ${error.message}`;
    throw new LockstepError('E_CONFIG_VALUE', `${what}, ${file}, ${why}`, {
      hint: 'correct `keyring:`; it is a file below lockstep.yml',
      cause: error,
    });
  });
  const keys = isArmored(bytes) ? dearmored(bytes.toString('latin1')) : bytes;
  if (isPublicKey(keys)) return keys;
  throw new LockstepError('E_CONFIG_VALUE', `${what}, ${file}, holds no OpenPGP public key`, {
    hint: 'export it with `gpg --export KEY`, or get it from whoever runs the repository',
  });
}

function isArmored(bytes: Buffer): boolean {
  return bytes.subarray(0, 4096).includes('-----BEGIN PGP PUBLIC KEY BLOCK-----');
}

/** RFC 4880, 6.2: headers, an empty line, base64, a checksum that begins with `=`. */
function dearmored(text: string): Buffer {
  const blocks = text.matchAll(
    /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*[ \t]*\r?\n([A-Za-z0-9+/=\s]*?)-----END/g,
  );
  return Buffer.concat(
    [...blocks].map(([, body]) => Buffer.from(body!.replace(/^=[A-Za-z0-9+/]{4}\s*$/m, ''), 'base64')),
  );
}

/** RFC 4880, 4.2: the first packet is a public key (tag 6), in a header of the old or the new form. */
function isPublicKey(keys: Buffer): boolean {
  const [header = 0] = keys;
  return (header & 0xc0) === 0xc0 ? (header & 0x3f) === 6 : (header & 0x80) !== 0 && ((header >> 2) & 0xf) === 6;
}
