import { expect } from 'chai';
import { FrameBuffer } from '../../src/ostree/frame-buffer.ts';

function gather(frames: FrameBuffer, kind: string, ...parts: string[]): void {
  frames.begin(kind);
  for (const part of parts) frames.append(Buffer.from(part));
  frames.end();
}

describe('FrameBuffer', () => {
  it('puts kind and length before what was appended', () => {
    const frames = new FrameBuffer();
    gather(frames, 'A', 'one', 'two');
    gather(frames, 'B');
    expect(frames.length).to.equal(16);
    expect(frames.take().toString()).to.equal('A\0\0\0\x06onetwoB\0\0\0\0');
    expect(frames.length).to.equal(0);
  });

  it('has room at the front for what is known at the end alone', () => {
    const frames = new FrameBuffer();
    frames.begin('F');
    frames.append(Buffer.from('....content'));
    frames.end(Buffer.from('name'));
    expect(frames.take().toString()).to.equal('F\0\0\0\x0bnamecontent');
  });

  it('keeps a frame that was begun when the whole ones are taken', () => {
    const frames = new FrameBuffer();
    gather(frames, 'A', 'whole');
    frames.begin('B');
    frames.append(Buffer.from('begun, '));
    expect(frames.take().toString()).to.equal('A\0\0\0\x05whole');
    frames.append(Buffer.from('ended'));
    frames.end();
    expect(frames.take().toString()).to.equal('B\0\0\0\x0cbegun, ended');
  });

  it('forgets a frame that was not ended', () => {
    const frames = new FrameBuffer();
    frames.begin('A');
    frames.append(Buffer.from('of a deb that broke off'));
    gather(frames, 'B', 'next');
    expect(frames.take().toString()).to.equal('B\0\0\0\x04next');
  });

  it('holds its own copies, of any size', () => {
    const frames = new FrameBuffer();
    const part = Buffer.alloc(700_000, 'a');
    frames.begin('A');
    for (let count = 0; count < 3; count += 1) frames.append(part);
    part.fill('b');
    frames.end();
    expect(frames.take().toString('latin1', 5)).to.equal('a'.repeat(2_100_000));
  });

  it('leaves what was taken alone until it is given back, and then uses its memory again', () => {
    const frames = new FrameBuffer();
    gather(frames, 'A', 'first');
    const first = frames.take();
    gather(frames, 'B', 'second');
    const second = frames.take();
    expect([first, second].map(String)).to.deep.equal(['A\0\0\0\x05first', 'B\0\0\0\x06second']);
    frames.giveBack(first);
    frames.take();
    gather(frames, 'C', 'third');
    expect(frames.take().buffer).to.equal(first.buffer);
    expect(String(second)).to.equal('B\0\0\0\x06second');
  });
});
