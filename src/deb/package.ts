import { LockstepError } from '../errors/index.ts';

/** What a lockfile says of a deb, as much as is needed to get it and to check it. */
export interface LockedDeb {
  package: string;
  version: string;
  architecture: string;
  /** Path below the archive's base URL. */
  filename: string;
  /** Bytes. */
  size: number;
  /** 64 lower-case hexadecimal digits. */
  sha256: string;
}

/** As messages name a deb: `libc6 2.36-9 armhf`. */
export function nameOf(deb: LockedDeb): string {
  return `${deb.package} ${deb.version} ${deb.architecture}`;
}

/** E_DEB_FORMAT: `what` completes "the deb of libc6 2.36-9 armhf cannot be read: …". */
export function badFormat(deb: LockedDeb, what: string, cause?: unknown): LockstepError {
  return new LockstepError('E_DEB_FORMAT', `the deb of ${nameOf(deb)} cannot be read: ${what}`, { cause });
}

/** E_DEB_HOSTILE, naming the path and what it tries. */
export function hostile(deb: LockedDeb, path: string, why: string): LockstepError {
  return new LockstepError('E_DEB_HOSTILE', `the deb of ${nameOf(deb)} holds ${printable(path)}: ${why}`, {
    hint: 'do not use this deb; nothing of it was kept',
  });
}

/** A name out of a tar (one character a byte) as text for a message. */
export function printable(path: string): string {
  return JSON.stringify(Buffer.from(path, 'latin1').toString('utf8'));
}
