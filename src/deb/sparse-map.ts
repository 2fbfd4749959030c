import { type PaxRecords, paxNumber } from './pax.ts';
import { blockLength, number, TarError } from './tar-header.ts';

/** Where the bytes that a tar holds of a sparse file lie in it, in order; all between them is a hole. */
export interface SparseMap {
  /** Length of the whole file. */
  realSize: number;
  pieces: { offset: number; length: number }[];
}

/** A hole costs no room in a tar, but has to be hashed: more than this is no file of a package. */
const sizeLimit = 16 * 2 ** 30;

/** More would be a map larger than the files that packages have. */
export const piecesLimit = 100_000;

/** A map of that many pieces in digits. */
const leadingLimit = 24 * piecesLimit;

/** What a sparse header or one of its extensions holds (tar(5), "GNU tar Archives"): up to 4 or 21 pieces. */
export function gnuPieces(block: Buffer, at: number, count: number, offset: number): SparseMap['pieces'] {
  const pieces: SparseMap['pieces'] = [];
  for (let index = 0; index < count; index += 1) {
    const start = at + 24 * index;
    if (block[start] === 0) break;
    pieces.push({ offset: number(block, start, 12, offset), length: number(block, start + 12, 12, offset) });
  }
  return pieces;
}

/** The map of a file that GNU tar stored by PAX records of version 0.0 or 0.1; null when there is none. */
export function paxSparseMap(pairs: readonly [string, string][], records: PaxRecords): SparseMap | null {
  const realSize = paxNumber(records, 'GNU.sparse.size');
  if (realSize === undefined) return null;
  const listed = records.get('GNU.sparse.map')?.split(',');
  const repeated = pairs.filter(([key]) => /^GNU\.sparse\.(offset|numbytes)$/.test(key)).map(([, value]) => value);
  return { realSize, pieces: inPairs((listed ?? repeated).filter((value) => value !== '').map(digits)) };
}

/** Reads the map of version 1.0, which stands before the data: lines of digits, padded to a block. null: more is needed. */
export function parseLeadingMap(bytes: Buffer): { pieces: SparseMap['pieces']; length: number } | null {
  const lines = bytes.toString('latin1').split('\n');
  // What follows the last line break may be half a number.
  lines.pop();
  const count = digits(lines[0] ?? '0');
  const whole = lines.length > 2 * count && lines.length > 0;
  if (count > piecesLimit || (!whole && bytes.length > leadingLimit))
    throw new TarError('it has a sparse file of too many pieces');
  if (!whole) return null;
  const used = lines.slice(0, 1 + 2 * count);
  const length = used.reduce((sum, line) => sum + line.length + 1, 0);
  return { pieces: inPairs(used.slice(1).map(digits)), length: Math.ceil(length / blockLength) * blockLength };
}

/** Throws TarError unless the pieces follow each other inside the file and their bytes are the `stored` ones. */
export function checkMap({ realSize, pieces }: SparseMap, stored: number): void {
  let end = 0;
  let held = 0;
  for (const { offset, length } of pieces) {
    if (offset < end) throw new TarError('it has a sparse file whose pieces overlap');
    end = offset + length;
    held += length;
  }
  if (end > realSize || held !== stored) throw new TarError('it has a sparse file whose pieces do not fit');
  if (realSize > sizeLimit) throw new TarError(`it has a sparse file of more than ${sizeLimit} bytes`);
}

function inPairs(numbers: readonly number[]): SparseMap['pieces'] {
  const pieces: SparseMap['pieces'] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2)
    pieces.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  return pieces;
}

function digits(value: string): number {
  const parsed = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(parsed)) throw new TarError('it has a damaged sparse map');
  return parsed;
}
