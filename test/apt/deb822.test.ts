import { expect } from 'chai';
import { Deb822Error, formatStanzas, parseStanzas, StanzaCutter } from '../../src/apt/deb822.ts';

const index = `Package: dash
Version: 0.5.12-2
Description: POSIX-compliant shell
 The Debian Almquist Shell.
 .
 \tWith a tab.
Tag: role::program,
 suite::debian

Package: libc6
version:2.36-9+deb12u14
Depends:
`;

describe('deb822', () => {
  it('keeps the bytes of each stanza', () => {
    const stanzas = parseStanzas(index);
    expect(stanzas.map(({ raw }) => raw)).to.deep.equal(index.trimEnd().split('\n\n'));
    expect(formatStanzas(stanzas)).to.equal(`${index}\n`);
  });

  it('reads fields whatever the case of their names', () => {
    const [dash, libc] = parseStanzas(index);
    expect(dash!.get('PACKAGE')).to.equal('dash');
    expect(libc!.get('Version')).to.equal('2.36-9+deb12u14');
    expect(libc!.get('Depends')).to.equal('');
    expect(libc!.get('Source')).to.equal(undefined);
  });

  it('joins continuation lines with their leading blanks', () => {
    expect(parseStanzas(index)[0]!.get('Description')).to.equal(
      'POSIX-compliant shell\n The Debian Almquist Shell.\n .\n \tWith a tab.',
    );
  });

  it('knows the line that each stanza begins in, whatever lies between', () => {
    expect(parseStanzas(index).map(({ line }) => line)).to.deep.equal([1, 10]);
    expect(parseStanzas(`\n \n\n${index}`, 5).map(({ line }) => line)).to.deep.equal([8, 17]);
  });

  it('gives the same stanzas however the text is cut', () => {
    const whole = parseStanzas(index).map(({ raw, line }) => ({ raw, line }));
    for (let size = 1; size < 40; size++) {
      const cutter = new StanzaCutter();
      const pieces = index.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const stanzas = [...pieces.flatMap((piece) => cutter.push(piece)), ...cutter.end()];
      expect(
        stanzas.map(({ raw, line }) => ({ raw, line })),
        `pieces of ${size}`,
      ).to.deep.equal(whole);
    }
  });

  it('needs no newline at the end, and takes an empty text for no stanza', () => {
    expect(parseStanzas('Package: a').map(({ raw }) => raw)).to.deep.equal(['Package: a']);
    expect(parseStanzas('')).to.deep.equal([]);
    expect(parseStanzas('\n\n')).to.deep.equal([]);
  });

  const mistakes = [
    { name: 'a line that is no field', text: 'Package: a\nnonsense\n', line: 2, says: /"nonsense"/ },
    { name: 'a continuation of nothing', text: '\n\n continued\n', line: 3, says: /without a field/ },
    { name: 'a field given twice', text: 'Package: a\nSize: 1\nsize: 2\n', line: 3, says: /twice/ },
  ];
  for (const { name, text, line, says } of mistakes) {
    it(`refuses ${name} with its line`, () => {
      expect(() => parseStanzas(text))
        .to.throw(Deb822Error, says)
        .with.property('line', line);
    });
  }

  it('reads a value with any number of blanks in it as fast as one of other characters', () => {
    const [stanza] = parseStanzas(`Description: a${' '.repeat(500_000)}b\t \r\nPackage: x\u2028y\n`);
    expect(stanza!.get('Description')).to.have.length(500_002);
    expect(stanza!.get('Package')).to.equal('x\u2028y');
  });
});
