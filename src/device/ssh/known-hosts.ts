import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A line of a known_hosts file that is about the host asked for. */
export interface KnownKey {
  /** `ssh-ed25519`, … */
  type: string;
  /** The public key as it travels. */
  key: Buffer;
  marker: 'revoked' | 'cert-authority' | null;
  /** `file:line`, for messages. */
  place: string;
}

export interface HostName {
  host: string;
  port: number;
  /** In place of both (`HostKeyAlias`). */
  alias: string | null;
}

/**
 * What known_hosts files hold of a host, in the format of sshd(8): plain and hashed names, patterns, ports, markers. A
 * file that cannot be read holds nothing. As `ssh` does, keys of the bare host name are taken for one on another port of
 * which nothing is known.
 */
export async function knownKeys(name: HostName, files: readonly string[]): Promise<KnownKey[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const lines = texts.flatMap((text, index) => linesOf(text, files[index] ?? ''));
  const about = (wanted: string) => lines.filter((line) => isAbout(line.names, wanted)).map(({ known }) => known);
  if (name.alias !== null) return about(name.alias.toLowerCase());
  const host = name.host.toLowerCase();
  if (name.port === 22) return about(host);
  const exact = about(`[${host}]:${name.port}`);
  return exact.length > 0 ? exact : about(host);
}

interface Line {
  names: string;
  known: KnownKey;
}

function linesOf(text: string, file: string): Line[] {
  return text.split('\n').flatMap((row, index) => {
    const words = row.trim().split(/\s+/);
    if (words[0] === '' || words[0]?.startsWith('#')) return [];
    const marker = markerOf(words[0] ?? '');
    if (marker === undefined) return [];
    const [names, type, key] = marker === null ? words : words.slice(1);
    if (names === undefined || type === undefined || key === undefined) return [];
    const known = { type, key: Buffer.from(key, 'base64'), marker, place: `${file}:${index + 1}` };
    return [{ names, known }];
  });
}

/** undefined: one that is not known, whose line says nothing to us. */
function markerOf(word: string): KnownKey['marker'] | undefined {
  if (!word.startsWith('@')) return null;
  if (word === '@revoked') return 'revoked';
  return word === '@cert-authority' ? 'cert-authority' : undefined;
}

function isAbout(names: string, wanted: string): boolean {
  if (names.startsWith('|1|')) return isHashOf(names, wanted);
  let found = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!matches(negated ? pattern.slice(1) : pattern, wanted)) continue;
    // One that is excluded stays so, whatever else the line says.
    if (negated) return false;
    found = true;
  }
  return found;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name, keyed by the salt. */
function isHashOf(names: string, wanted: string): boolean {
  const [, , salt = '', hash = ''] = names.split('|');
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest('base64') === hash;
}

function matches(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`).test(name);
}
