import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/**
 * The suites whose index, as this machine's mirror serves it now, is not the one that their signed InRelease names: a
 * mirror in the midst of an update, which nobody can resolve from. Found without lockstep, by apt's own downloader.
 */
export async function tornSuites(suites: readonly string[], arch: string): Promise<string[]> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-torn-'));
  try {
    const torn = await Promise.all(suites.map(async (suite) => ((await isTorn(suite, arch, dir)) ? [suite] : [])));
    return torn.flat();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function isTorn(suite: string, arch: string, dir: string): Promise<boolean> {
  const base = `${await baseOf(suite)}/dists/${suite}`;
  const release = (await download(`${base}/InRelease`, path.join(dir, `${suite}-InRelease`))).toString();
  const index = new RegExp(`^ ([0-9a-f]{64}) +\\d+ (main/binary-${arch}/Packages\\.xz)$`, 'm').exec(release);
  if (index === null) throw new Error(`${suite} has no Packages.xz for ${arch}`);
  const served = await download(`${base}/${index[2]}`, path.join(dir, `${suite}-Packages.xz`));
  return createHash('sha256').update(served).digest('hex') !== index[1];
}

export async function baseOf(suite: string): Promise<string> {
  const argv = [
    'indextargets',
    '--no-release-info',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Component: main',
  ];
  const bases = (await execa('apt-get', argv)).stdout.split('\n').map((base) => base.replace(/\/+$/, ''));
  const isSecurity = (text: string) => text.endsWith('-security');
  const base = bases.find((candidate) => isSecurity(candidate) === isSecurity(suite));
  if (base === undefined) throw new Error(`this machine’s apt has no archive for ${suite}`);
  return base;
}

export async function download(url: string, file: string): Promise<Buffer> {
  await execa('/usr/lib/apt/apt-helper', ['download-file', url, file]);
  return readFile(file);
}
