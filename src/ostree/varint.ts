/** A number as static deltas (ostree-varint.c) and xz have it: seven bits a byte, the lowest first, all but the last marked. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
