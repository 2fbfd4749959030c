import { type LockedDeb, nameOf } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Fetcher } from './fetch.ts';

/**
 * Hands a deb's bytes to `take`, which throws E_DEB_CHECKSUM when they are not the pinned deb's. That may be a stale cache on the
 * way, or two halves of different files: so it is asked for once more, past all caches. What an address then serves is wrong,
 * and the others are asked. Throws what `take` and the fetcher throw, E_DEB_CHECKSUM naming all addresses in the end.
 */
export async function fetchRight(
  fetcher: Pick<Fetcher, 'fetch' | 'addresses'>,
  deb: LockedDeb,
  take: (bytes: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const wrong = new Map<string, LockstepError>();
  for (let attempt = 0; ; attempt += 1) {
    const served = new Set<string>();
    const how = { fresh: attempt > 0, without: new Set(wrong.keys()), onServed: (url: string) => void served.add(url) };
    try {
      return await take(fetcher.fetch(deb, how));
    } catch (error) {
      if (!isChecksum(error)) throw wrong.size > 0 && isFetch(error) ? nowhere(deb, wrong, error) : error;
      if (attempt === 0) continue;
      for (const url of served) wrong.set(url, error);
      const left = (await fetcher.addresses(deb)).filter((url) => !wrong.has(url));
      if (served.size === 0 || left.length === 0) throw wrong.size > 1 ? nowhere(deb, wrong) : from(wrong, error);
    }
  }
}

function isChecksum(error: unknown): error is LockstepError {
  return error instanceof LockstepError && error.code === 'E_DEB_CHECKSUM';
}

function isFetch(error: unknown): error is LockstepError {
  return error instanceof LockstepError && error.code.startsWith('E_FETCH_');
}

function from(wrong: ReadonlyMap<string, LockstepError>, error: LockstepError): LockstepError {
  const message = `${error.message}, from ${[...wrong.keys()].join(' and ')}`;
  return new LockstepError(error.code, message, { hint: error.hint ?? undefined, cause: error });
}

function nowhere(deb: LockedDeb, wrong: ReadonlyMap<string, LockstepError>, gone?: LockstepError): LockstepError {
  const each = [...wrong].map(([url, { message }]) => `${url}: ${message}`);
  const message = `no address has the deb of ${nameOf(deb)} that the lockfile pins:`;
  return new LockstepError('E_DEB_CHECKSUM', [message, ...each, ...(gone ? [gone.message] : [])].join('\n  '), {
    hint: 'the mirror is broken or hostile: name another with `archives:` or `mirror:` in the image',
    cause: gone,
  });
}
