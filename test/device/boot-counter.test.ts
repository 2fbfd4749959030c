import { expect } from 'chai';
import { counterOf, counterSector } from '../../src/device/boot-counter.ts';
import { readAnswers } from '../../src/device/observe.ts';

describe('the boot counter', () => {
  it('is the sector that mkenvimage makes', () => {
    // printf 'upgrade_available=1\nbootcount=0\n' | mkenvimage -s 0x200 -p 0x00 -o - -
    const made = Buffer.from('7d36c347757067726164655f617661696c61626c653d3100626f6f74636f756e743d300000000000', 'hex');
    const sector = counterSector(true);
    expect(sector).to.have.length(512);
    expect(sector.subarray(0, made.length).toString('hex')).to.equal(made.toString('hex'));
    expect(sector.subarray(made.length).every((byte) => byte === 0)).to.equal(true);
  });

  it('differs between a deployment on trial and none', () => {
    expect(counterSector(true).equals(counterSector(false))).to.equal(false);
  });

  it('is where the kernel arguments say, or nowhere', () => {
    const answers = (cmdline: string) =>
      readAnswers(`\n@@ cmdline\n${cmdline}\n@@ status\n* debian ${'a'.repeat(64)}.0\n`, 'bench-1');
    expect(counterOf(answers('rw lockstep.counter=/dev/vda1 quiet'))).to.equal('/dev/vda1');
    expect(counterOf(answers('rw quiet'))).to.equal(null);
  });
});
