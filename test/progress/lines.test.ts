import { expect } from 'chai';
import { createLines } from '../../src/progress/lines.ts';

function record(everyMs = 10_000) {
  let now = 0;
  const written: string[] = [];
  const progress = createLines({ write: (text) => written.push(text), clock: () => now, everyMs });
  return { progress, written, pass: (ms: number) => (now += ms) };
}

describe('progress as lines of a log', () => {
  it('writes one line at the start and one at the end of a stage, with count, bytes and elapsed', () => {
    const { progress, written, pass } = record();
    const stage = progress.stage('import', { total: 173, unit: 'debs' });
    for (let deb = 0; deb < 173; deb++) stage.advance({ count: 1, bytes: 401_671 });
    pass(6300);
    stage.done();
    expect(written).to.deep.equal(['> import   173 debs\n', '✓ import         173 debs, 69.5 MB   6.3 s\n']);
  });

  it('says `cached` in place of a time when the result was there already', () => {
    const { progress, written } = record();
    progress.stage('merge').done(undefined, { cached: true });
    expect(written[1]).to.equal('✓ merge          cached\n');
  });

  it('marks a failed stage and ends a stage only once', () => {
    const { progress, written } = record();
    const stage = progress.stage('deploy virt-1');
    stage.fail();
    stage.done();
    expect(written).to.have.length(2);
    expect(written[1]).to.match(/^✗ deploy virt-1/);
  });

  it('says now and then where a long stage is, and stops when it ended', async () => {
    const { progress, written } = record(5);
    const stage = progress.stage('pull', { total: 9, unit: 'objects' });
    stage.advance({ count: 4, bytes: 1_200_000, detail: 'usr/lib\n\x1b[31mred\x1b[0m' });
    await new Promise((resolve) => setTimeout(resolve, 40));
    stage.done();
    const after = written.length;
    expect(written[1]).to.equal('  pull   4/9 objects, 1.2 MB, usr/lib red   0.0 s\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written).to.have.length(after);
  });

  it('keeps notes, and never writes an escape code', () => {
    const { progress, written } = record();
    progress.note('toolbox: docker');
    const stage = progress.stage('build');
    stage.advance({ detail: '\x1b[2Khidden' });
    stage.done();
    expect(written[0]).to.equal('toolbox: docker\n');
    expect(written.join('')).not.to.include('\x1b');
  });
});
