import type { Architecture } from '../config/types.ts';

interface Machine {
  /** e_machine of the ELF specification. */
  machine: number;
  /** e_flags: for ARM the ABI version (5) and hard float. */
  flags: number;
  is64: boolean;
}

const machines: Record<Architecture, Machine> = {
  armhf: { machine: 40, flags: 0x05000400, is64: false },
  arm64: { machine: 183, flags: 0, is64: true },
  amd64: { machine: 62, flags: 0, is64: true },
};

/** Where the file is loaded. */
const base = 0x10000;

const readAndExecute = 5;

/**
 * The smallest static program of an architecture: an ELF header, one program header that loads the whole file, and the
 * instructions given. Made byte by byte, so that no compiler for the architecture is needed.
 *
 * @param code machine code in hexadecimal, blanks allowed; it begins to run at its first byte
 */
export function staticProgram(arch: Architecture, code: string): Buffer {
  const { machine, flags, is64 } = machines[arch];
  const instructions = Buffer.from(code.replaceAll(/\s/g, ''), 'hex');
  const headerSize = is64 ? 64 : 52;
  const programHeaderSize = is64 ? 56 : 32;
  const start = headerSize + programHeaderSize;
  const size = start + instructions.length;
  const word = is64 ? u64 : u32;
  const header = Buffer.concat([
    // Magic number, 32 or 64 bits, little-endian, ELF version 1, ABI System V, padding.
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ...[u16(2), u16(machine), u32(1), word(base + start), word(headerSize), word(0), u32(flags)],
    ...[u16(headerSize), u16(programHeaderSize), u16(1), u16(0), u16(0), u16(0)],
  ]);
  const place = [word(0), word(base), word(base), word(size), word(size)];
  const programHeader = is64
    ? Buffer.concat([u32(1), u32(readAndExecute), ...place, word(0x1000)])
    : Buffer.concat([u32(1), ...place, u32(readAndExecute), word(0x1000)]);
  return Buffer.concat([header, programHeader, instructions]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
