import type { Random } from './random.ts';

/** What readers of text and of headers take for something. */
const words = [
  ...[
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    ' ',
    '\t',
    ' .\n',
    '#',
    ':',
    ': ',
    ',',
    '|',
    '(',
    ')',
    '/',
    '../',
    './',
    '~',
    '%',
    '\0',
  ],
  ...[
    'Package: ',
    'SHA256: ',
    '<<<<<<< a\n',
    '=======\n',
    '\u2028',
    '\u0085',
    '\ufeff',
    '\ufffd',
    '💥',
    '__proto__: x\n',
  ],
  ...['-1', '0', '4294967296', '9007199254740993', '99999999999999999999', '77777777777', '1e9', 'NaN'],
  ...['!<arch>\n', '`\n', '&a [*a, *a]', '*a', '<<: *a', '!!js ', '- ', '{', '}', '[', ']', '"', "'"],
].map((word) => Buffer.from(word));

/** A copy of the input with one to four changes; one that repeats a piece grows it to `sizeLimit` bytes at most. */
export function mutated(input: Buffer, random: Random, sizeLimit: number): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let count = 1 + random.below(4); count > 0; count--) bytes = random.one(changes)(bytes, random, sizeLimit);
  return bytes;
}

type Change = (bytes: Buffer, random: Random, sizeLimit: number) => Buffer;

const splice = (bytes: Buffer, at: number, removed: number, inserted: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);

function pieceOf(bytes: Buffer, random: Random, longest: number): [at: number, length: number] {
  const at = random.below(bytes.length + 1);
  return [at, random.below(Math.min(longest, bytes.length - at) + 1)];
}

const flipBit: Change = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
};

const setByte: Change = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.one([0, 9, 10, 13, 32, 127, 128, 255]);
  return bytes;
};

const remove: Change = (bytes, random) => splice(bytes, ...pieceOf(bytes, random, 64), Buffer.alloc(0));

const truncate: Change = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const insertWord: Change = (bytes, random) => splice(bytes, random.below(bytes.length + 1), 0, random.one(words));

const overwrite: Change = (bytes, random) => {
  const word = random.one(words);
  return splice(bytes, random.below(bytes.length + 1), word.length, word);
};

const copy: Change = (bytes, random) => {
  const [at, length] = pieceOf(bytes, random, 512);
  return splice(bytes, random.below(bytes.length + 1), 0, bytes.subarray(at, at + length));
};

/** Mostly a few times, seldom so often that it hurts. */
const repeat: Change = (bytes, random, sizeLimit) => {
  const [at, length] = pieceOf(bytes, random, 12);
  const piece = random.below(2) === 0 ? random.one(words) : bytes.subarray(at, at + length);
  const room = Math.max(0, sizeLimit - bytes.length);
  const times = random.below(128) === 0 ? Math.floor(room / Math.max(1, piece.length)) : random.below(20);
  return splice(bytes, at, 0, Buffer.concat(Array.from({ length: times }, () => piece)).subarray(0, room));
};

const changes = [flipBit, setByte, remove, truncate, insertWord, overwrite, copy, repeat];
