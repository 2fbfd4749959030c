import { open } from 'node:fs/promises';

/** Length of a file in bytes; 0 when it is not there. */
export async function lengthOf(file: string): Promise<number> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return 0;
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/**
 * What a console printed since it was `from` bytes long, at most the last `most` bytes (64 KiB, more than one boot prints),
 * without terminal control sequences.
 */
export async function consoleSince(file: string, from: number, most = 65_536): Promise<string> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return '';
  try {
    const { size } = await handle.stat();
    const start = Math.max(from, size - most);
    if (size <= start) return '';
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    return printable(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** The last lines that are not empty. */
export function lastLines(text: string, count: number): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  return lines.filter((line) => line !== '').slice(-count);
}

const failures = [
  { pattern: /^.*Kernel panic - not syncing.*$/m, reason: 'its kernel panicked' },
  { pattern: /^.*lockstep: cannot start .*$/m, reason: 'U-Boot could not start its kernel' },
];

/**
 * Why a boot that left this text came to nothing, with the text up to the line that tells so (a machine that resets
 * itself goes on printing); null while it may still come to something.
 */
export function bootFailure(text: string): { reason: string; until: string } | null {
  for (const { pattern, reason } of failures) {
    const match = pattern.exec(text);
    if (match !== null) return { reason, until: text.slice(0, match.index + match[0].length) };
  }
  return null;
}

function printable(text: string): string {
  return text
    .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/\x1b[()][A-Z0-9]/g, '')
    .replace(/[^\n\t\x20-\x7e\u00a0-\uffff]/g, '');
}
