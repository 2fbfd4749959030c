import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { LockstepError } from '../../errors/index.ts';

/** What a manifest says of one path; what it leaves open is as without a manifest. */
export interface ManifestEntry {
  type: string | null;
  mode: number | null;
  uid: number | null;
  gid: number | null;
  /** Names as the image's own passwd and group have them. */
  user: string | null;
  group: string | null;
  /** `file:line`, for messages. */
  place: string;
}

/** Keywords of mtree(5) that say nothing about owner or mode, as `bsdtar --format=mtree` writes them. */
const ignored =
  /^(cksum|device|flags|ignore|inode|link|md5|md5digest|nlink|nochange|optional|resdevice|ripemd160digest|rmd160|rmd160digest|sha1|sha1digest|sha256|sha256digest|sha384|sha384digest|sha512|sha512digest|size|time)$/;

/** Reads a manifest. Throws E_OVERLAY with file and line. */
export async function readManifest(file: string): Promise<Map<string, ManifestEntry>> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new LockstepError('E_OVERLAY', `cannot read the manifest ${file}: ${cause.message}`, {
      hint: 'correct `manifest:` of the overlay in lockstep.yml',
      cause,
    });
  });
  return parseManifest(text, path.basename(file));
}

/**
 * The entries of an mtree(5) specification, version 1 and 2, by path without leading `./`: `/set`, `/unset`, names with a
 * slash as whole paths, names without one in the directory at hand, which `type=dir` enters and `..` leaves.
 * @param label what messages call it. Throws E_OVERLAY with the line.
 */
export function parseManifest(text: string, label: string): Map<string, ManifestEntry> {
  const entries = new Map<string, ManifestEntry>();
  let defaults = new Map<string, string>();
  let directory: string[] = [];
  for (const { line, number } of logicalLines(text)) {
    const place = `${label}:${number}`;
    const [name = '', ...words] = line.split(/\s+/);
    if (name === '/set') {
      defaults = new Map([...defaults, ...keywords(words, place)]);
    } else if (name === '/unset') {
      for (const word of words) defaults.delete(word);
    } else if (name === '..') {
      directory = directory.slice(0, -1);
    } else {
      const values = new Map([...defaults, ...keywords(words, place)]);
      const whole = name.includes('/');
      const components = [...(whole ? [] : directory), ...decode(name, place).split('/')];
      const below = components.filter((component) => component !== '' && component !== '.');
      if (below.includes('..')) throw wrong(place, `the path ${name} leaves the overlay`);
      entries.set(below.join('/'), entryOf(values, place));
      if (!whole && values.get('type') === 'dir') directory = below;
    }
  }
  return entries;
}

/** A backslash at its end continues a line on the next. */
function* logicalLines(text: string): Generator<{ line: string; number: number }> {
  let pending = '';
  let first = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    if (pending === '') first = index + 1;
    const line = pending + raw.trim();
    if (line.endsWith('\\') && !line.startsWith('#')) {
      pending = `${line.slice(0, -1)} `;
      continue;
    }
    pending = '';
    if (line !== '' && !line.startsWith('#')) yield { line, number: first };
  }
}

function keywords(words: readonly string[], place: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const word of words) {
    const [, key = '', value = ''] = /^([a-z0-9]+)(?:=(.*))?$/.exec(word) ?? [];
    if (!/^(type|mode|uid|gid|uname|gname)$/.test(key) && !ignored.test(key)) {
      throw wrong(place, `${word} is no keyword of mtree(5)`);
    }
    values.set(key, value);
  }
  return values;
}

function entryOf(values: Map<string, string>, place: string): ManifestEntry {
  const number = (key: string, base: number): number | null => {
    const value = values.get(key);
    if (value === undefined) return null;
    const shape = base === 8 ? /^[0-7]{1,5}$/ : /^[0-9]{1,10}$/;
    if (!shape.test(value)) throw wrong(place, `${key}=${value} is not a number`);
    return Number.parseInt(value, base);
  };
  const [uid, gid, mode] = [number('uid', 10), number('gid', 10), number('mode', 8)];
  // A name says more than the number of the machine that the manifest was written on.
  const [user, group] = [values.get('uname') ?? null, values.get('gname') ?? null];
  return { type: values.get('type') ?? null, mode, uid, gid, user, group, place };
}

/** Names are encoded as by vis(3): a backslash and three octal digits for a byte. */
function decode(name: string, place: string): string {
  const bytes: number[] = [];
  for (let at = 0; at < name.length; at++) {
    const [, octal] = /^\\([0-3][0-7]{2})/.exec(name.slice(at)) ?? [];
    const plain = { s: ' ', t: '\t', n: '\n', '\\': '\\', '#': '#' }[name[at] === '\\' ? (name[at + 1] ?? '') : ''];
    if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8));
      at += 3;
    } else if (plain !== undefined) {
      bytes.push(...Buffer.from(plain));
      at += 1;
    } else if (name[at] === '\\') {
      throw wrong(place, `the name ${name} is not encoded as by vis(3)`);
    } else {
      const character = String.fromCodePoint(name.codePointAt(at) ?? 0);
      bytes.push(...Buffer.from(character));
      at += character.length - 1;
    }
  }
  return Buffer.from(bytes).toString();
}

function wrong(place: string, what: string): LockstepError {
  return new LockstepError('E_OVERLAY', `${place}: ${what}`, {
    hint: 'a manifest is an mtree(5) file: a path, then type=, mode=, uid= or uname=, gid= or gname=',
  });
}
