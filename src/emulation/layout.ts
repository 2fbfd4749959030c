import type { Architecture } from '../config/types.ts';

/** Where the native tools appear in a root while its programs run: under /run, which is no part of any image. */
export const nativeDir = '/run/lockstep-native';

/** Under `nativeDir`: `<here><path of a native program>` leads to the dispatcher; see dispatcher.ts for why. */
export const dispatchDir = `${nativeDir}/dispatch`;

/** Bytes, and others of the same number that take their place. */
export type Relocation = readonly [from: string, to: string];

/**
 * Path prefixes built into amd64 programs, and what stands in for each in the relocated tools, so that nothing of them
 * need lie where an armhf image would show it. Each replacement is as long as what it replaces: the bytes are
 * overwritten where they stand, as conda relocates binaries. The last one marks a program.
 */
export const relocations: readonly Relocation[] = [
  // The multiarch directory: libraries, perl's compiled modules, gconv modules, private libraries of systemd.
  ['/usr/lib/x86_64-linux-gnu', `${nativeDir}/lib`.padEnd(25, '/')],
  // PT_INTERP, ended by a zero byte, as its replacement must be.
  ['/lib64/ld-linux-x86-64.so.2\0', `${nativeDir}/ld.so`.padEnd(28, '\0')],
];

/** What takes the place of Debian's name of the tools' architecture in programs that have it built in. */
export function architectureRelocation(arch: Architecture): Relocation {
  return ['amd64', arch];
}

/** Relocations as `stages/relocate-tools.pl` takes them. */
export function relocationLines(pairs: readonly Relocation[]): string {
  return pairs.map((pair) => pair.map((bytes) => Buffer.from(bytes).toString('hex')).join(' ')).join('\n');
}
