import { expect } from 'chai';
import { describeRun, summaryTable } from '../../src/report/summary.ts';
import { device, older, result } from './sample.ts';

const { images } = result();
const rolledBack = device({
  name: 'bench-1',
  deployment: { ...device().deployment!, verdict: 'rolled-back', reason: 'its kernel panicked', commit: older },
  tests: [],
});

describe('the description of a run', () => {
  it('is one line of images, devices and counts', () => {
    expect(describeRun(images, [device(), device()])).to.equal(
      'panel 8f3a2c11 on 2 devices: 2 passed, 2 failed, 2 skipped',
    );
  });

  it('names devices that do not run the commit', () => {
    expect(describeRun(images, [device(), rolledBack])).to.equal(
      'panel 8f3a2c11 on 2 devices: 1 passed, 1 failed, 1 skipped; bench-1 rolled-back',
    );
    expect(describeRun(images, [rolledBack])).to.equal('panel 8f3a2c11 on 1 device: bench-1 rolled-back');
  });

  it('does without images and devices', () => {
    expect(describeRun([], [])).to.equal('on 0 devices: no tests');
  });
});

describe('the summary table', () => {
  it('has a row for each device and a line for each complaint below', () => {
    const lines = summaryTable([device(), rolledBack]).split('\n');
    expect(lines.find((line) => line.includes('virt-1'))).to.match(/deployed.*8f3a2c118f3a.*1.*1.*1.*1 min 42 s/);
    expect(lines.at(-2)).to.equal('✗ virt-1  30-net  exit code 4: no route');
    expect(lines.at(-1)).to.equal('✗ bench-1  its kernel panicked');
  });
});
