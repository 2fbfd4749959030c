import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { LockedDeb } from '../../src/deb/package.ts';

const directories: string[] = [];

after(() => Promise.all(directories.map((dir) => rm(dir, { recursive: true, force: true }))));

/** An empty directory that is gone after the tests. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-deb-'));
  directories.push(dir);
  return dir;
}

export interface Contents {
  name?: string;
  /** Further fields of the control file, each with its line break. */
  fields?: string;
  /** Files by path; `fill` makes whatever plain files cannot say. */
  files?: Record<string, string | Buffer>;
  fill?: (root: string) => Promise<unknown>;
  /** Maintainer scripts and other control files. */
  control?: Record<string, string>;
  architecture?: string;
  compression?: 'xz' | 'gzip' | 'zstd' | 'none';
  /** Owners are as `fill` made them, which takes root; otherwise all is root's. */
  keepOwners?: boolean;
}

export interface MadeDeb extends LockedDeb {
  file: string;
  bytes: Buffer;
}

/** A deb made by dpkg-deb, with its lockfile entry. */
export async function makeDeb(contents: Contents = {}): Promise<MadeDeb> {
  const {
    name = 'sample',
    fields = '',
    files = {},
    control = {},
    compression = 'xz',
    architecture = 'armhf',
  } = contents;
  const dir = await temporaryDirectory();
  const root = path.join(dir, 'root');
  const text = `Package: ${name}\nVersion: 1.0\nArchitecture: ${architecture}\nMaintainer: A <a@localhost>\n${fields}Description: x\n`;
  for (const [file, content] of Object.entries({ 'DEBIAN/control': text, ...files })) await put(root, file, content);
  for (const [file, content] of Object.entries(control)) {
    await put(root, `DEBIAN/${file}`, content);
    await chmod(path.join(root, 'DEBIAN', file), /^((pre|post)(inst|rm)|config)$/.test(file) ? 0o755 : 0o644);
  }
  await contents.fill?.(root);
  const file = path.join(dir, `${name}.deb`);
  const owners = contents.keepOwners === true ? [] : ['--root-owner-group'];
  await execa('dpkg-deb', [...owners, `-Z${compression}`, '--build', root, file]);
  return lockedDeb(name, file);
}

async function put(root: string, file: string, content: string | Buffer): Promise<void> {
  const target = path.join(root, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, content, { mode: 0o644 });
}

export async function lockedDeb(name: string, file: string): Promise<MadeDeb> {
  const bytes = await readFile(file);
  return { ...entryFor(bytes, name), file, bytes };
}

/** A deb around a data.tar that dpkg-deb would not make. */
export async function debOfTar(dataTar: Buffer, name = 'sample'): Promise<MadeDeb> {
  const { file } = await makeDeb({ name, compression: 'none' });
  const { stdout } = await execa('dpkg-deb', ['--ctrl-tarfile', file], { encoding: 'buffer' });
  const bytes = arOf({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar': Buffer.from(stdout),
    'data.tar': dataTar,
  });
  await writeFile(file, bytes);
  return { ...entryFor(bytes, name), file, bytes };
}

function arOf(members: Record<string, Buffer>): Buffer {
  const parts = Object.entries(members).map(([name, body]) => {
    const head = `${name.padEnd(16)}${'0           0     0     100644  '}${String(body.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(head), body, Buffer.alloc(body.length % 2, '\n')]);
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

/** The lockfile's entry for any bytes. */
export function entryFor(bytes: Buffer, name = 'sample'): LockedDeb {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const filename = `pool/${name}_1.0_armhf.deb`;
  return { package: name, version: '1.0', architecture: 'armhf', filename, size: bytes.length, sha256 };
}

/** A stream of `length` bytes at a time. */
export async function* inChunks(bytes: Buffer, length = 1000): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

export async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** The error that a promise rejects with; fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error, got none');
}
