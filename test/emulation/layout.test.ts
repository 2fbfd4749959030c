import { expect } from 'chai';
import { dispatchDir, nativeDir, relocations } from '../../src/emulation/layout.ts';

describe('where native tools lie', () => {
  it('is below /run, which is no part of an image', () => {
    expect(nativeDir).to.match(/^\/run\/./);
    expect(dispatchDir.startsWith(`${nativeDir}/`)).to.equal(true);
  });

  it('takes the place of built-in paths byte for byte, so that nothing in a file moves', () => {
    for (const [from, to] of relocations) expect(Buffer.byteLength(to)).to.equal(Buffer.byteLength(from));
  });

  it('leaves no trace of a path in what takes its place, so that relocating twice changes nothing', () => {
    for (const [from] of relocations) {
      for (const [, to] of relocations) expect(to).to.not.contain(from);
    }
  });

  it('is led to by the interpreter’s whole field, which ends with a zero byte before and after', () => {
    const [from, to] = relocations.at(-1)!;
    expect(from).to.equal('/lib64/ld-linux-x86-64.so.2\0');
    expect(to.replace(/\0+$/, '')).to.equal(`${nativeDir}/ld.so`);
    expect(to.endsWith('\0')).to.equal(true);
  });
});
