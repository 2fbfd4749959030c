import { encodeDictionary, withOffsets } from './gvariant.ts';

/** A static delta that a repository offers, with the sha256 of its superblock. */
export interface OfferedDelta {
  /** null: from nothing. */
  from: string | null;
  to: string;
  superblock: string;
}

/**
 * A repository's summary, `(a(s(taya{sv}))a{sv})`, without refs, that offers one delta: ostree looks for deltas nowhere else
 * (ostree-repo-pull.c, `OSTREE_SUMMARY_STATIC_DELTAS`).
 */
export function summaryOffering({ from, to, superblock }: OfferedDelta): Buffer {
  const name = from === null ? to : `${from}-${to}`;
  const deltas = encodeDictionary(new Map([[name, { type: 'ay', data: Buffer.from(superblock, 'hex') }]]));
  const metadata = encodeDictionary(new Map([['ostree.static-deltas', { type: 'a{sv}', data: deltas }]]));
  // The first member, an empty array, ends at 0; the last needs no end.
  return withOffsets(metadata, [0]);
}

/** Where a delta's files lie in a repository (ostree-core.c, `_ostree_get_relative_static_delta_path`). */
export function deltaDirectory(from: string | null, to: string): string {
  const name = [from, to].flatMap((commit) => (commit === null ? [] : [shortName(commit)])).join('-');
  return `deltas/${name.slice(0, 2)}/${name.slice(2)}`;
}

/** A checksum in ostree's base64, which has `_` for `/` and no padding. */
function shortName(checksum: string): string {
  return Buffer.from(checksum, 'hex').toString('base64').replace(/=+$/, '').replaceAll('/', '_');
}
