import type { Architecture } from '../config/types.ts';

/**
 * Magic and mask that tell the programs of an architecture, as binfmt_misc's register file takes them: an executable or
 * shared ELF file of the class and machine. From QEMU's scripts/qemu-binfmt-conf.sh.
 */
export function binfmtMagic(arch: Architecture): string | null {
  const machine = { armhf: { elfClass: 1, number: 0x28 }, arm64: { elfClass: 2, number: 0xb7 }, amd64: null }[arch];
  if (machine === null) return null;
  const magic = [0x7f, 0x45, 0x4c, 0x46, machine.elfClass, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, machine.number, 0];
  // The byte of the OS ABI is left open, and the lowest bit of the type: 2 is an executable, 3 a shared object.
  const mask = magic.map((_, index) => ({ 7: 0x00, 16: 0xfe })[index] ?? 0xff);
  return `${escaped(magic)}:${escaped(mask)}`;
}

function escaped(bytes: readonly number[]): string {
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
