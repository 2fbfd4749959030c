import { expect } from 'chai';
import type { Architecture } from '../../src/config/types.ts';
import { binfmtMagic } from '../../src/emulation/binfmt-magic.ts';
import { probeProgram } from '../../src/toolbox/probe.ts';

/** Compares as the kernel does: the bytes of the file under the mask are those of the magic. */
function matches(entry: string | null, program: Buffer): boolean {
  const [magic = [], mask = []] = (entry ?? '').split(':').map((part) => [...Buffer.from(bytesOf(part), 'hex')]);
  return magic.length > 0 && magic.every((byte, index) => ((program[index] ?? 0) & (mask[index] ?? 0)) === byte);
}

const bytesOf = (part: string) => part.replaceAll('\\x', '');

describe('what tells the programs of an architecture', () => {
  it('is the magic and the mask that QEMU’s own entries have', () => {
    const [magic, mask] = (binfmtMagic('armhf') ?? '').split(':').map(bytesOf);
    expect(magic).to.equal('7f454c4601010100000000000000000002002800');
    expect(mask).to.equal('ffffffffffffff00fffffffffffffffffeffffff');
  });

  it('takes its own architecture’s programs and no other’s', () => {
    const all: Architecture[] = ['armhf', 'arm64', 'amd64'];
    for (const arch of ['armhf', 'arm64'] as const) {
      const taken = all.filter((other) => matches(binfmtMagic(arch), probeProgram(other)));
      expect(taken).to.deep.equal([arch]);
    }
  });

  it('takes position-independent programs, and any OS ABI', () => {
    const program = probeProgram('armhf');
    program.writeUInt16LE(3, 16);
    program.writeUInt8(3, 7);
    expect(matches(binfmtMagic('armhf'), program)).to.equal(true);
  });

  it('is nothing for amd64, which is never emulated', () => {
    expect(binfmtMagic('amd64')).to.equal(null);
  });
});
