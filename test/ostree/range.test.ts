import { expect } from 'chai';
import { parseRange } from '../../src/ostree/range.ts';

describe('a byte range', () => {
  for (const [header, answer] of [
    ['bytes=2-4', { start: 2, end: 4 }],
    ['bytes=7-', { start: 7, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['bytes=5-99', { start: 5, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=4-2', null],
    ['bytes=-', null],
    ['bytes=1-2,4-5', null],
    ['lines=1-2', null],
  ] as const) {
    it(`of 10 bytes, ${header}, is ${answer === null ? 'ignored' : JSON.stringify(answer)}`, () => {
      expect(parseRange(header, 10)).to.deep.equal(answer);
    });
  }
});
