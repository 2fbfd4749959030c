import { expect } from 'chai';
import { staticProgram } from '../../src/toolbox/elf.ts';

const code = 'de ad be ef 0102';
const instructions = Buffer.from('deadbeef0102', 'hex');

/** The fields that a kernel goes by (elf(5)); numbers of a 32-bit file are 4 bytes wide, of a 64-bit one 8. */
function read(file: Buffer) {
  const is64 = file.readUInt8(4) === 2;
  const word = (at: number) => (is64 ? Number(file.readBigUInt64LE(at)) : file.readUInt32LE(at));
  const headers = word(is64 ? 32 : 28);
  const width = is64 ? 8 : 4;
  const places = headers + (is64 ? 8 : 4);
  return {
    is64,
    type: file.readUInt16LE(16),
    machine: file.readUInt16LE(18),
    entry: word(24),
    flags: file.readUInt32LE(is64 ? 48 : 36),
    headerSize: file.readUInt16LE(is64 ? 52 : 40),
    headers,
    headerCount: file.readUInt16LE(is64 ? 56 : 44),
    segment: {
      type: file.readUInt32LE(headers),
      flags: file.readUInt32LE(headers + (is64 ? 4 : 24)),
      offset: word(places),
      address: word(places + width),
      fileSize: word(places + 3 * width),
      memorySize: word(places + 4 * width),
    },
  };
}

describe('a static program made byte by byte', () => {
  for (const { arch, is64, machine } of [
    { arch: 'armhf', is64: false, machine: 40 },
    { arch: 'arm64', is64: true, machine: 183 },
    { arch: 'amd64', is64: true, machine: 62 },
  ] as const) {
    it(`is for ${arch} an executable of its class and machine, entered at its first instruction`, () => {
      const file = staticProgram(arch, code);
      const elf = read(file);
      expect(file.subarray(0, 4).toString('latin1')).to.equal('\x7fELF');
      expect(elf).to.include({ is64, machine, type: 2, headerCount: 1 });
      expect(elf.headers, 'program headers follow the header').to.equal(elf.headerSize);
      const entered = elf.entry - elf.segment.address + elf.segment.offset;
      expect(file.subarray(entered)).to.deep.equal(instructions);
    });

    it(`is for ${arch} one segment, the whole file, read and executed but never written`, () => {
      const file = staticProgram(arch, code);
      const { segment } = read(file);
      expect(segment).to.include({ type: 1, flags: 5, offset: 0, fileSize: file.length, memorySize: file.length });
      expect(segment.address % 0x1000, 'a page’s address').to.equal(0);
    });
  }

  it('says that it keeps to the hard-float ABI, version 5, as every program of armhf', () => {
    expect(read(staticProgram('armhf', code)).flags).to.equal(0x05000400);
  });
});
