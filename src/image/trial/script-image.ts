import { crc32 } from '../../ostree/crc32.ts';

/**
 * Wraps a script as U-Boot's legacy image, as `mkimage -A arm -T script -C none` does: a 64-byte header, then a list of
 * the parts' lengths ended by 0, then the text (U-Boot, include/image.h).
 */
export function scriptImage(script: string): Buffer {
  const text = Buffer.from(script, 'ascii');
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(text.length, 0);
  const data = Buffer.concat([lengths, text]);
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x27051956, 0);
  // Bytes 8 to 11, the time, stay 0: the same script is the same image.
  header.writeUInt32BE(data.length, 12);
  header.writeUInt32BE(crc32(data), 24);
  const [linux, arm, scriptType, noCompression] = [5, 2, 6, 0];
  header.set([linux, arm, scriptType, noCompression], 28);
  header.write('lockstep boot', 32, 'ascii');
  header.writeUInt32BE(crc32(header), 4);
  return Buffer.concat([header, data]);
}
