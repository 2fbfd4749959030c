import type { Toolbox } from '../toolbox/toolbox.ts';

/** What an image calls itself in os-release(5). */
export interface Distribution {
  /** `debian`, `ubuntu`. */
  id: string;
  /** As scanners look advisories up: `debian-12`. */
  release: string;
}

/** Reads it out of a commit. An image without os-release, as of a few packages, is taken for one of the suite of Debian. */
export async function distributionOf(
  toolbox: Toolbox,
  commit: { repo: string; checksum: string },
  suite: string,
): Promise<Distribution> {
  const argv = ['ostree', `--repo=${commit.repo}`, 'cat', commit.checksum, '/usr/lib/os-release'];
  const { exitCode, stdout } = await toolbox.run(argv, { answers: [1], timeoutMs: 60_000 });
  return parseOsRelease(exitCode === 0 ? stdout : '', suite);
}

/** @param suite whose name stands for a version where there is none, as in testing */
export function parseOsRelease(text: string, suite: string): Distribution {
  const value = (name: string) =>
    new RegExp(`^${name}=["']?([^"'\\n]*)["']?\\s*$`, 'm').exec(text)?.[1]?.trim() || undefined;
  const id = value('ID')?.toLowerCase() ?? 'debian';
  const version = value('VERSION_ID') ?? value('VERSION_CODENAME') ?? suite.replace(/-(updates|security)$/, '');
  return { id, release: `${id}-${version}` };
}
