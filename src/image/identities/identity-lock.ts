import { LockstepError } from '../../errors/index.ts';

/** A line of passwd(5) or group(5): what has a number. */
export interface Identity {
  name: string;
  id: number;
  /** The whole line. */
  line: string;
}

/** Numbers to be changed: from what maintainer scripts gave to what the lock says. Empty when all is as locked. */
export type IdMap = ReadonlyMap<number, number>;

export interface Assignment {
  map: IdMap;
  /** The lock with what is new appended, in the order of the image; names that the image no longer has stay reserved. */
  lock: Identity[];
  added: string[];
}

/** Below and above, numbers are Debian's own and the same everywhere (Debian Policy 9.2.2). */
const dynamic = { from: 100, to: 59_999 };
/** What adduser and sysusers give to services; above are people's. */
const lastSystem = 999;

/** Reads a passwd(5) or group(5) file. Throws E_LOCK_SYNTAX with file and line. */
export function parseIdentities(text: string, file: string): Identity[] {
  const found = new Map<string, Identity>();
  for (const [index, line] of text.split('\n').entries()) {
    // Lines that begin so are about names from elsewhere (nsswitch.conf(5), compat).
    if (line === '' || /^[+-]/.test(line)) continue;
    const [, name, id] = /^([^:\s#][^:\s]*):[^:]*:(\d{1,10}):/.exec(line.endsWith(':') ? line : `${line}:`) ?? [];
    const problem = name === undefined ? 'expected name:x:number:…' : found.has(name) ? `${name} is there twice` : null;
    if (problem !== null) {
      throw new LockstepError('E_LOCK_SYNTAX', `${file}:${index + 1}: ${problem}`, {
        hint: 'restore it from version control',
      });
    }
    found.set(name!, { name: name!, id: Number(id), line });
  }
  return [...found.values()];
}

/**
 * Gives every name of the image the number that the lock has for it, and new names one that is free: their own if nobody
 * else ever had it, else the nearest. @param file of the lock, for messages. Throws E_LOCK_SYNTAX for a lock that would
 * part names which share a number.
 */
export function assignIds(lock: readonly Identity[], image: readonly Identity[], file: string): Assignment {
  const locked = new Map(lock.map((entry) => [entry.name, entry.id]));
  const taken = new Set(locked.values());
  const map = new Map<number, number>();
  const owners = new Map<number, string>();
  const added: Identity[] = [];
  for (const entry of image) {
    const known = locked.get(entry.name) ?? map.get(entry.id);
    const id = known ?? freeId(entry.id, taken);
    const other = owners.get(entry.id);
    if (other !== undefined && map.get(entry.id) !== id) {
      const what = `${other} and ${entry.name} share the number ${entry.id} in the image, but not here`;
      throw new LockstepError('E_LOCK_SYNTAX', `${file}: ${what}`, { hint: 'give both the same number there' });
    }
    map.set(entry.id, id);
    owners.set(entry.id, entry.name);
    taken.add(id);
    if (!locked.has(entry.name)) added.push({ ...entry, id });
  }
  for (const [from, to] of map) if (from === to) map.delete(from);
  return { map, lock: [...lock, ...added], added: added.map(({ name }) => name) };
}

function freeId(wanted: number, taken: ReadonlySet<number>): number {
  if (wanted < dynamic.from || wanted > dynamic.to || !taken.has(wanted)) return wanted;
  const [first, last] = wanted <= lastSystem ? [dynamic.from, lastSystem] : [lastSystem + 1, dynamic.to];
  for (let distance = 1; distance <= last - first; distance++) {
    const near = [wanted - distance, wanted + distance];
    const free = near.find((id) => id >= first && id <= last && !taken.has(id));
    if (free !== undefined) return free;
  }
  throw new LockstepError('E_LOCK_SYNTAX', `no number between ${first} and ${last} is free for a new user or group`, {
    hint: 'take names that are long gone out of the locks',
  });
}

/**
 * The text of a lock: lines of passwd(5) or group(5) with the numbers assigned; who is in a group is the image's to say.
 * @param gids changes the group of users
 */
export function formatIdentities(lock: readonly Identity[], gids: IdMap = new Map()): string {
  return lock
    .map(({ id, line }) => {
      const [name, password, , fourth, ...rest] = line.split(':');
      const moved = rest.length > 0 ? (gids.get(Number(fourth)) ?? fourth) : '';
      return `${[name, password, id, moved, ...rest].join(':')}\n`;
    })
    .join('');
}
