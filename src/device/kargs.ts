import { kargsFile, parseKargs } from '../image/kargs.ts';
import { fallbackArgument } from '../image/trial/boot-script.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './session.ts';

/**
 * Options for `ostree admin deploy` that bring the new image's kernel arguments, which by itself would keep those of the
 * running deployment: what the old image wanted and the new one does not goes, what the device has of its own stays.
 */
export async function kargOptions(session: Session, before: DeviceState, commit: string): Promise<string[]> {
  const [old, wanted] = [await kargsOf(session, before.booted.checksum), await kargsOf(session, commit)];
  return kargChanges(before.cmdline, old, wanted);
}

/** @param present the running kernel's arguments @param old those of the image that runs @param wanted the new one's */
export function kargChanges(present: readonly string[], old: readonly string[], wanted: readonly string[]): string[] {
  const there = present.filter((argument) => argument !== fallbackArgument && !argument.startsWith('ostree='));
  const dropped = old.filter((argument) => !wanted.includes(argument) && there.includes(argument));
  const added = wanted.filter((argument) => !there.includes(argument));
  return [
    ...[...new Set(dropped)].map((argument) => `--karg-delete=${argument}`),
    ...[...new Set(added)].map((argument) => `--karg-append=${argument}`),
  ];
}

async function kargsOf(session: Session, commit: string): Promise<string[]> {
  const argv = ['ostree', '--repo=/ostree/repo', 'cat', commit, `/${kargsFile}`];
  const { exitCode, stdout } = await session.exec(argv, { check: false, timeoutMs: 60_000 });
  return parseKargs(exitCode === 0 ? stdout : null);
}
