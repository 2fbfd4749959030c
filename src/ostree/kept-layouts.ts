import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PackLayout } from './pack.ts';
import type { Piece } from './pack-part.ts';

/**
 * What is kept of a layout, as JSON behind its sha256: bytes in base64, objects as `kind checksum size`. A device takes for whole what a
 * superblock names, so a file that is not what was written is none.
 */
interface KeptLayout {
  superblock: string;
  parts: { head: string; tail: string; size: number; pieces: string[] }[];
}

/** Another one when layouts are made in another way. */
const version = 1;

function fileOf(dir: string, commit: string): string {
  return path.join(dir, `${commit}.${version}`);
}

/** Null: none that can be used. */
export async function readLayout(dir: string, commit: string): Promise<PackLayout | null> {
  const text = await readFile(fileOf(dir, commit), 'utf8').catch(() => '');
  const [digest, json = ''] = text.split('\n', 2);
  if (digest !== digestOf(json)) return null;
  const { superblock, parts } = JSON.parse(json) as KeptLayout;
  return {
    superblock: Buffer.from(superblock, 'base64'),
    parts: parts.map(({ head, tail, size, pieces }) => ({
      head: Buffer.from(head, 'base64'),
      tail: Buffer.from(tail, 'base64'),
      size,
      pieces: pieces.map((line) => {
        const [kind = '', checksum = '', length] = line.split(' ');
        return { kind: kind as Piece['kind'], checksum, size: Number(length) };
      }),
    })),
  };
}

export async function writeLayout(dir: string, commit: string, { superblock, parts }: PackLayout): Promise<void> {
  const kept: KeptLayout = {
    superblock: superblock.toString('base64'),
    parts: parts.map(({ head, tail, size, pieces }) => ({
      head: head.toString('base64'),
      tail: tail.toString('base64'),
      size,
      pieces: pieces.map(({ kind, checksum, size: length }) => `${kind} ${checksum} ${length}`),
    })),
  };
  const json = JSON.stringify(kept);
  await mkdir(dir, { recursive: true });
  const file = fileOf(dir, commit);
  const begun = `${file}.${process.pid}`;
  try {
    await writeFile(begun, `${digestOf(json)}\n${json}`);
    await rename(begun, file);
  } catch (error) {
    await rm(begun, { force: true });
    throw error;
  }
}

export async function dropLayout(dir: string, commit: string): Promise<void> {
  await rm(fileOf(dir, commit), { force: true });
}

function digestOf(json: string): string {
  return createHash('sha256').update(json).digest('hex');
}
