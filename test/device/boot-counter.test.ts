import { expect } from 'chai';
import { counterOf } from '../../src/device/boot-counter.ts';
import { readAnswers } from '../../src/device/observe.ts';

describe('the boot counter', () => {
  it('is where the kernel arguments say, or nowhere', () => {
    const answers = (cmdline: string) =>
      readAnswers(`\n@@ cmdline\n${cmdline}\n@@ status\n* debian ${'a'.repeat(64)}.0\n`, 'bench-1');
    expect(counterOf(answers('rw lockstep.counter=/dev/vda1 quiet'))).to.equal('/dev/vda1');
    expect(counterOf(answers('rw quiet'))).to.equal(null);
  });
});
