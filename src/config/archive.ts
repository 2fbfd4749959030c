import path from 'node:path';
import type { z } from 'zod';
import type { CompleteImageEntry } from './image-schema.ts';
import type { ImageConfig } from './types.ts';

type Issue = z.core.$ZodIssue;

/** What an image's entry says of archives, defaults filled in and paths made absolute. */
export function archiveKeys(
  root: string,
  entry: CompleteImageEntry,
): Pick<ImageConfig, 'components' | 'keyring' | 'sources' | 'base' | 'recommends' | 'exclude'> {
  return {
    components: [...new Set(entry.components ?? ['main'])],
    keyring: entry.keyring === undefined ? null : path.resolve(root, entry.keyring),
    sources: (entry.sources ?? []).map(({ url, suites, components, keyring, priority = null }) => ({
      url: url.replace(/\/+$/, ''),
      suites: [...new Set(suites)],
      components: [...new Set(components)],
      keyring: path.resolve(root, keyring),
      priority,
    })),
    base: entry.base ?? 'essential',
    recommends: entry.recommends ?? false,
    exclude: [...new Set(entry.exclude)],
  };
}

/** What no archive could fulfil: packages both wanted and excluded, a suite of a repository or a pin given twice. */
export function archiveContradictions({ name, packages, base, exclude, sources, pins }: ImageConfig): Issue[] {
  const wanted = new Set([...packages, ...(base === 'essential' ? [] : base)]);
  const both = exclude.filter((excluded) => wanted.has(excluded));
  const places = sources.flatMap(({ url, suites }) => suites.map((suite) => `${url} ${suite}`));
  const twice = repeated(places);
  const pinnedTwice = repeated(pins.map((pin) => pin.package));
  const issue = (key: string, message: string): Issue => {
    return { code: 'custom', path: ['images', name, key], message, input: undefined };
  };
  return [
    ...both.map((excluded) => issue('exclude', `${excluded} is among the packages of the image`)),
    ...twice.map((place) => issue('sources', `${place} is there twice`)),
    ...pinnedTwice.map((pinned) => issue('pins', `${pinned} is pinned twice`)),
  ];
}

function repeated(items: readonly string[]): string[] {
  return [...new Set(items.filter((item, index) => items.indexOf(item) !== index))];
}
