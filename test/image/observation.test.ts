import { expect } from 'chai';
import { readOf } from '../../src/image/observation.ts';

const sum = (digit: string) => digit.repeat(64);

function tree({ file = sum('a'), mode = '00644', size = 12, link = sum('b'), name = 'file' } = {}): string[] {
  return [
    `d00755 0 0      0 ${sum('1')} ${sum('2')} /`,
    `-${mode} 0 7 ${String(size).padStart(6)} ${file} /usr/${name}`,
    `l00777 0 0      0 ${link} /usr/link -> file`,
    '',
  ];
}

describe('what a stage reads of a tree', () => {
  const read = (lines: string[], ...opened: string[]) => readOf(lines, new Set(opened)).join('\n');

  it('is the content of the files that it opened', () => {
    expect(read(tree(), 'usr/file')).not.to.equal(read(tree({ file: sum('c') }), 'usr/file'));
  });

  it('is not the content or length of those that it did not open', () => {
    expect(read(tree(), 'usr/other')).to.equal(read(tree({ file: sum('c'), size: 13 }), 'usr/other'));
  });

  it('is of every file what can be had without opening it', () => {
    const known = read(tree());
    for (const change of [{ mode: '04644' }, { size: 0 }, { link: sum('c') }, { name: 'else' }]) {
      expect(read(tree({ file: sum('d'), ...change })), JSON.stringify(change)).not.to.equal(known);
    }
  });

  it('is not what ostree derives from the files below a directory', () => {
    const [, ...rest] = tree();
    expect(read([`d00755 0 0      0 ${sum('3')} ${sum('2')} /`, ...rest])).to.equal(read(tree()));
  });
});
