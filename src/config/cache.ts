import path from 'node:path';
import { z } from 'zod';
import type { CacheConfig } from './types.ts';

const isUrl = (remote: string) => /^https?:/.test(remote);

/** `cache:` of lockstep.yml: an ostree repository that several build repositories share. */
export const cacheEntry = z
  .strictObject({
    remote: z
      .string()
      .regex(/^(https?:\/\/\S+|(?![a-z][a-z0-9+.-]*:)\S+)$/, 'the URL (http, https) or path of an ostree repository')
      .describe('ostree repository that has debs which others imported'),
    push: z.boolean().default(false).describe('Put there what this one imports; the remote must be a path'),
  })
  .refine(({ remote, push }) => !(push && isUrl(remote)), {
    message: 'only a path can be pushed to: mount the directory that the server serves',
    path: ['push'],
  })
  .refine(({ remote }) => !/^https?:\/\/[^/]*%[^/]*@/.test(remote), {
    message: 'ostree takes a user and password for what they look like in a URL: none that has to be written with %',
    path: ['remote'],
  });

export const cacheKeys = Object.keys(cacheEntry.shape);

export function cacheOf(root: string, entry: z.infer<typeof cacheEntry> | undefined): CacheConfig | null {
  if (entry === undefined) return null;
  const { remote, push } = entry;
  return { remote: isUrl(remote) ? remote.replace(/\/+$/, '') : path.resolve(root, remote), push };
}
