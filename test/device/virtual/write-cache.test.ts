import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readWrites, replayAfterPowerCut, survivors } from '../../../src/device/virtual/write-cache.ts';

const [flush, fua] = [1, 2];

/** An entry as the kernel's dm-log-writes lays it out. */
function entry(sector: number, flags: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(512);
  head.writeBigUInt64LE(BigInt(sector), 0);
  head.writeBigUInt64LE(BigInt(data.length / 512), 8);
  head.writeBigUInt64LE(BigInt(flags), 16);
  return Buffer.concat([head, data]);
}

const sector = (text: string) => Buffer.alloc(512, text);

describe('a disk whose write cache is lost', () => {
  let dir: string;
  let record: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-writes-'));
    record = path.join(dir, 'writes');
    const entries = [entry(1, 0, sector('a')), entry(0, flush), entry(2, 0, sector('b')), entry(3, fua, sector('c'))];
    const torn = entry(4, 0, sector('d')).subarray(0, 700);
    await writeFile(record, Buffer.concat([Buffer.alloc(512), ...entries, torn]));
  });

  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('has each write that was recorded whole', async () => {
    const file = await open(record, 'r');
    const writes = await readWrites(file);
    await file.close();
    expect(writes.map(({ at, length, flush: flushes }) => [at, length, flushes])).to.deep.equal([
      [512, 512, false],
      [0, 0, true],
      [1024, 512, false],
      [1536, 512, false],
    ]);
  });

  it('keeps what was flushed and what was asked to be durable, and of the rest what chance leaves', async () => {
    const file = await open(record, 'r');
    const writes = await readWrites(file);
    await file.close();
    const places = (random: () => number) => survivors(writes, random).map(({ at }) => at);
    expect(places(() => 0.9)).to.deep.equal([512, 0, 1536]);
    expect(places(() => 0.1)).to.deep.equal([512, 0, 1024, 1536]);
  });

  it('is the disk of the start with those writes', async () => {
    const disk = path.join(dir, 'disk');
    await writeFile(disk, Buffer.alloc(5 * 512, '.'));
    expect(await replayAfterPowerCut(disk, record, () => 0.9)).to.deep.equal({ kept: 3, lost: 1 });
    const bytes = await readFile(disk);
    expect([0, 1, 2, 3, 4].map((at) => String.fromCharCode(bytes[at * 512] ?? 0)).join('')).to.equal('.a.c.');
  });
});
