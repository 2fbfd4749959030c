import { expect } from 'chai';
import { isTap, parseTap } from '../../src/testing/tap.ts';

/** From the specification of TAP 13, with every directive. */
const sample = `TAP version 13
1..6
ok 1 - Input file opened
not ok 2 - First line of the input valid
  ---
  message: 'First line invalid'
  severity: fail
  ...
ok 3 - Read the rest of the file # SKIP no such device
not ok 4 - Summarized correctly # TODO Not written yet
ok 5
# a comment
ok - with \\# a hash and no number
`;

describe('TAP', () => {
  it('is recognised by its version or its plan at the start only', () => {
    expect(isTap('TAP version 14\n1..1\nok 1\n')).to.equal(true);
    expect(isTap('1..2\nok 1\nok 2\n')).to.equal(true);
    expect(isTap('1..0 # SKIP no gpu\n')).to.equal(true);
    expect(isTap('hello\n1..2\nok 1\n')).to.equal(false);
    expect(isTap('1..2x\n')).to.equal(false);
    expect(isTap('')).to.equal(false);
  });

  it('gives a case for each point, with directives as skips', () => {
    const { points, problem } = parseTap(sample);
    expect(problem).to.equal(null);
    expect(points.map(({ name, status }) => [name, status])).to.deep.equal([
      ['1 Input file opened', 'passed'],
      ['2 First line of the input valid', 'failed'],
      ['3 Read the rest of the file', 'skipped'],
      ['4 Summarized correctly', 'skipped'],
      ['5', 'passed'],
      ['6 with \\# a hash and no number', 'passed'],
    ]);
    expect(points[2]!.message).to.equal('SKIP no such device');
    expect(points[3]!.message).to.equal('TODO Not written yet');
  });

  it('keeps diagnostics with the point that they follow', () => {
    const { points } = parseTap(sample);
    expect(points[1]!.output).to.include("message: 'First line invalid'");
    expect(points[4]!.output).to.equal('# a comment\n');
    expect(points[1]!.message).to.equal('not ok 2 First line of the input valid');
  });

  it('tells when points are missing, when there is no plan, and when the program bailed out', () => {
    expect(parseTap('1..3\nok 1\n').problem).to.equal('planned 3 TAP points, gave 1');
    expect(parseTap('TAP version 13\nok 1\n').problem).to.include('no plan');
    const bailed = parseTap('1..3\nok 1\nBail out! no database\nok 2\n');
    expect(bailed.problem).to.equal('bailed out: no database');
    expect(bailed.points).to.have.length(1);
  });

  it('takes a plan at the end, Windows line ends, and a plan of nothing as a skip', () => {
    expect(parseTap('TAP version 13\r\nok 1 - a\r\n1..1\r\n')).to.deep.include({ problem: null, skipped: null });
    expect(parseTap('1..0 # SKIP no gpu here\n')).to.deep.include({
      points: [],
      problem: null,
      skipped: 'no gpu here',
    });
  });
});
