import { LockstepError } from '../errors/index.ts';
import type { ImageEntry } from './image-schema.ts';
import { nearest } from './nearest.ts';
import type { Source } from './source.ts';

type Entries = Record<string, ImageEntry>;

/**
 * Every image with what it inherits, bases (names with a dot in front) left out. An image adds to the lists of the one it
 * extends, whose elements come first; `suites` and `components`, which belong
 * together, `base`, and all that is not a list replace it.
 * Throws E_CONFIG_VALUE for a name that is not there and for a circle.
 */
export function extendAll(source: Source, entries: Entries): Entries {
  const images = Object.keys(entries).filter((name) => !name.startsWith('.'));
  return Object.fromEntries(images.map((name) => [name, inherited(source, entries, name, [])]));
}

function inherited(source: Source, entries: Entries, name: string, path: readonly string[]): ImageEntry {
  const { extends: base, ...own } = entries[name] ?? {};
  if (base === undefined) return own;
  const place = `${source.locate(['images', name, 'extends'])}: "images.${name}.extends"`;
  if (!Object.hasOwn(entries, base)) throw unknownBase(place, base, Object.keys(entries));
  const chain = [...path, name];
  if (chain.includes(base)) {
    const circle = [...chain.slice(chain.indexOf(base)), base].join(' extends ');
    throw new LockstepError('E_CONFIG_VALUE', `${place} goes in a circle: ${circle}`, {
      hint: 'put what they share into a base of its own, such as .base',
    });
  }
  return merged(inherited(source, entries, base, chain), own);
}

function merged(base: ImageEntry, own: ImageEntry): ImageEntry {
  const lists = {
    packages: joined(base.packages, own.packages),
    debs: joined(base.debs, own.debs),
    sources: joined(base.sources, own.sources),
    exclude: joined(base.exclude, own.exclude),
    overlay: joined(base.overlay, own.overlay),
    kargs: joined(base.kargs, own.kargs),
    pins: joined(
      base.pins?.filter((pin) => !own.pins?.some((newer) => newer.package === pin.package)),
      own.pins,
    ),
    run: {
      unpacked: joined(base.run?.unpacked, own.run?.unpacked),
      configured: joined(base.run?.configured, own.run?.configured),
      finalized: joined(base.run?.finalized, own.run?.finalized),
    },
  };
  // A lockfile is of one image; with the base's, each would overwrite the other's.
  return { ...base, lockfile: undefined, ...own, ...lists };
}

function joined<T>(base: readonly T[] | undefined, own: readonly T[] | undefined): T[] | undefined {
  return base === undefined && own === undefined ? undefined : [...(base ?? []), ...(own ?? [])];
}

function unknownBase(place: string, base: string, known: string[]): LockstepError {
  const meant = nearest(base, known);
  const hint = meant === null ? `images are: ${known.join(', ')}` : `did you mean ${meant}?`;
  return new LockstepError('E_CONFIG_VALUE', `${place} names no image: ${base}`, { hint });
}
