const blockLength = 512;

/** Puts the right checksum into whatever stands where a header of the format `ustar` would: a reader looks no further else. */
export function mendTar(tar: Buffer): void {
  for (let at = 0; at + blockLength <= tar.length; at += blockLength) {
    if (tar.toString('latin1', at + 257, at + 262) === 'ustar') resum(tar.subarray(at, at + blockLength));
  }
}

function resum(header: Buffer): void {
  header.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
