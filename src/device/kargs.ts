import { kargsFile, parseKargs } from '../image/kargs.ts';
import type { DeviceState } from './observe.ts';
import type { Session } from './ssh/session.ts';

/**
 * Options for `ostree admin deploy` that bring the new image's kernel arguments, which by itself would keep those of the
 * running deployment: what the old image wanted and the new one does not goes, what the device has of its own stays.
 */
export async function kargOptions(session: Session, before: DeviceState, commit: string): Promise<string[]> {
  const separator = '@@';
  const script = `for commit; do echo ${separator}; ostree --repo=/ostree/repo cat "$commit" /${kargsFile} 2>/dev/null || :; done`;
  const { stdout } = await session.script(script, { args: [before.booted.checksum, commit], timeoutMs: 60_000 });
  const [, old = '', wanted = ''] = stdout.split(`${separator}\n`);
  return kargChanges(before.options, parseKargs(old || null), parseKargs(wanted || null));
}

/** @param present the booted deployment's arguments @param old those of the image that runs @param wanted the new one's */
export function kargChanges(present: readonly string[], old: readonly string[], wanted: readonly string[]): string[] {
  const there = present.filter((argument) => !/^(ostree=|lockstep\.(fallback$|boot=))/.test(argument));
  const dropped = old.filter((argument) => !wanted.includes(argument) && there.includes(argument));
  const added = wanted.filter((argument) => !there.includes(argument));
  return [
    ...[...new Set(dropped)].map((argument) => `--karg-delete=${argument}`),
    ...[...new Set(added)].map((argument) => `--karg-append=${argument}`),
  ];
}
