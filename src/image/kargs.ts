import { LockstepError } from '../errors/index.ts';

/**
 * Where an image says what kernel arguments it wants: in the form of bootc(8), `kargs = ["a", "b"]`. Debian's ostree does
 * not read it; whoever deploys does (device/kargs.ts, device/virtual/disk.ts).
 */
export const kargsFile = 'usr/lib/bootc/kargs.d/10-lockstep.toml';

/** Strings of JSON are strings of TOML. */
export function formatKargs(kargs: readonly string[]): string {
  return `kargs = ${JSON.stringify(kargs)}\n`;
}

/** Reads what {@link formatKargs} wrote; no file: no arguments. */
export function parseKargs(text: string | null): string[] {
  if (text === null) return [];
  const [, list] = /^kargs = (\[.*\])$/m.exec(text) ?? [];
  try {
    const parsed: unknown = JSON.parse(list ?? '');
    if (Array.isArray(parsed) && parsed.every((entry) => typeof entry === 'string')) return parsed;
  } catch {
    // Told below.
  }
  throw new LockstepError('E_DEPLOY', `${kargsFile} of the image cannot be read: ${text.slice(0, 80)}`);
}
