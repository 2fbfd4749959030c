/**
 * Orders two versions as dpkg does (deb-version(7)): negative when `a` is older, 0 when they are equal, positive when
 * `a` is newer.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [split(a), split(b)];
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

interface Version {
  epoch: string;
  upstream: string;
  revision: string;
}

function split(version: string): Version {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon === -1 ? '0' : version.slice(0, colon),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    // No revision is the same as revision 0.
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** Runs of other characters and runs of digits take turns, beginning with the former, which may be empty. */
function compareParts(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const order = weight(a, i) - weight(b, j);
      if (order !== 0) return order;
      i += 1;
      j += 1;
    }
    const [endA, endB] = [endOfDigits(a, i), endOfDigits(b, j)];
    const order = compareNumbers(a.slice(i, endA), b.slice(j, endB));
    if (order !== 0) return order;
    [i, j] = [endA, endB];
  }
  return 0;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text, end)) end += 1;
  return end;
}

/** A tilde sorts before the end, the end and digits before letters, letters before everything else. */
function weight(text: string, at: number): number {
  if (at >= text.length || isDigit(text, at)) return 0;
  const code = text.charCodeAt(at);
  if (code === tilde) return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}

const tilde = 0x7e;

/** Compares as numbers of any length; the empty string counts as 0. */
function compareNumbers(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (x.length !== y.length) return x.length - y.length;
  return x < y ? -1 : x > y ? 1 : 0;
}
