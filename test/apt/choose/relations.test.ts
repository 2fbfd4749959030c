import { expect } from 'chai';
import { formatRelations, isWithin, parseRelations } from '../../../src/apt/choose/relations.ts';

const normal = (text: string) => formatRelations(parseRelations(text));

describe('relations between packages', () => {
  it('come out in the form that dpkg writes', () => {
    expect(normal('a(>=1),b:any  ( = 2-1 ) |c,\n d (<<3~)')).to.equal('a (>= 1), b:any (= 2-1) | c, d (<< 3~)');
  });

  it('have old names for operators', () => {
    expect(normal('a (< 1), b (> 1), c (1)')).to.equal('a (<= 1), b (>= 1), c (= 1)');
  });

  it('are none in an empty field', () => {
    expect(parseRelations(undefined)).to.deep.equal([]);
    expect(parseRelations('  ')).to.deep.equal([]);
  });

  for (const [operator, fits] of Object.entries({ '<<': '-1', '<=': '-1 0', '=': '0', '>=': '0 1', '>>': '1' })) {
    it(`hold for ${operator}`, () => {
      const bound = parseRelations(`a (${operator} 2)`)[0]?.[0]?.version ?? null;
      const holding = ['1', '2', '3'].filter((version) => isWithin(version, bound));
      expect(holding.map((version) => Number(version) - 2).join(' ')).to.equal(fits);
    });
  }

  it('hold for every version without a bound', () => {
    expect(isWithin('1', null)).to.equal(true);
  });
});
