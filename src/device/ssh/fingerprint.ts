import { createHash } from 'node:crypto';

/** Fingerprint of a public key blob as `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. */
export function fingerprintOf(publicKey: Buffer): string {
  const digest = createHash('sha256').update(publicKey).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** Name of the algorithm that a public key blob starts with, such as `ssh-ed25519` (RFC 4253, section 6.6). */
export function keyTypeOf(publicKey: Buffer): string {
  if (publicKey.length < 4) return 'unknown';
  const length = publicKey.readUInt32BE(0);
  return length > 64 ? 'unknown' : publicKey.toString('latin1', 4, 4 + length);
}
