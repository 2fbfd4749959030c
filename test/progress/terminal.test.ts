import { expect } from 'chai';
import { createTerminal } from '../../src/progress/terminal.ts';

/** The few escape codes that the renderer uses, played on a screen of lines. */
function screenOf(output: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  for (const [token] of output.matchAll(/\x1b\[(\d*)([AJm])|\n|\r|[^\x1b\n\r]+/g)) {
    const code = /^\x1b\[(\d*)([AJm])$/.exec(token);
    if (code?.[2] === 'A') row -= Number(code[1]);
    else if (code?.[2] === 'J') lines.splice(row, lines.length, '');
    else if (token === '\n') lines[++row] ??= '';
    else if (token !== '\r' && code === null) lines[row] += token;
  }
  return lines.filter((line, index) => line !== '' || index < lines.length - 1);
}

function terminal(columns = 100, color = false) {
  let now = 0;
  let output = '';
  const progress = createTerminal({
    write: (text) => (output += text),
    columns: () => columns,
    color,
    clock: () => now,
    everyMs: 5,
  });
  const redraw = () => new Promise((resolve) => setTimeout(resolve, 25));
  return { progress, redraw, screen: () => screenOf(output), output: () => output, pass: (ms: number) => (now += ms) };
}

describe('progress on a terminal', () => {
  it('rewrites one line for each open stage, and several may be open', async () => {
    const { progress, redraw, screen } = terminal();
    const fetch = progress.stage('fetch', { total: 173, unit: 'debs' });
    const load = progress.stage('import', { total: 173, unit: 'debs' });
    fetch.advance({ count: 40, bytes: 12_100_000 });
    load.advance({ count: 31, detail: 'libc6' });
    await redraw();
    expect(screen()).to.deep.equal([
      '• fetch          40/173 debs, 12.1 MB   0.0 s',
      '• import         31/173 debs   0.0 s   libc6',
    ]);
    fetch.done();
    load.done();
  });

  it('leaves one line of a finished stage above those that are open', () => {
    const { progress, screen, pass } = terminal();
    const fetch = progress.stage('fetch');
    const load = progress.stage('import');
    pass(6300);
    fetch.done('173 debs, 69.5 MB');
    progress.note('a note');
    expect(screen()).to.deep.equal(['✓ fetch          173 debs, 69.5 MB   6.3 s', 'a note', '• import         6.3 s']);
    load.fail();
    expect(screen()).to.deep.equal(['✓ fetch          173 debs, 69.5 MB   6.3 s', 'a note', '✗ import         6.3 s']);
  });

  it('never draws a live line as wide as a narrow terminal, where it would wrap', async () => {
    for (const width of [20, 30, 45, 60]) {
      const { progress, redraw, screen } = terminal(width);
      const stage = progress.stage('configure', { total: 173, unit: 'packages' });
      stage.advance({ count: 12, bytes: 1e9, detail: 'a very long detail '.repeat(20) });
      await redraw();
      expect(screen()).to.have.length(1);
      expect([...screen()[0]!].length, screen()[0]).to.be.below(width);
      stage.done();
    }
  });

  it('keeps the elapsed time in a narrow terminal and drops the detail first', async () => {
    const { progress, redraw, screen } = terminal(44);
    const stage = progress.stage('fetch', { total: 9, unit: 'debs' });
    stage.advance({ count: 3, detail: 'libsomething-very-long' });
    await redraw();
    expect(screen()[0]).to.equal('• fetch          3/9 debs   0.0 s');
    stage.done();
  });

  it('uses colour only when told to', () => {
    const plain = terminal(80, false);
    plain.progress.stage('merge').done();
    expect(plain.output()).not.to.match(/\x1b\[\d+m/);
    const painted = terminal(80, true);
    painted.progress.stage('merge').done();
    expect(painted.output()).to.include('\x1b[32m✓\x1b[39m merge');
  });

  it('stops drawing when no stage is open', async () => {
    const { progress, redraw, output } = terminal();
    progress.stage('merge').done();
    const before = output();
    await redraw();
    expect(output()).to.equal(before);
  });
});
