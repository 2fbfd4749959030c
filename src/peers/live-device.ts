import { databases } from '../device/installed.ts';
import type { Session } from '../device/ssh/session.ts';
import { LockstepError } from '../errors/index.ts';
import { type AptSource, parseAptSources } from './apt-sources.ts';

/** What a device says of how it was made. */
export interface LiveDevice {
  name: string;
  /** Text of dpkg's status file. */
  status: string;
  /** Text of os-release(5). */
  osRelease: string;
  /** Packages that were installed for others alone; null: nobody has taken notes of that. */
  automatic: Set<string> | null;
  sources: AptSource[];
  remotes: { name: string; url: string }[];
}

/** A file after the other, each below its name. */
const show = 'for file do [ -f "$file" ] || continue; printf "\\n@@ %s\\n" "$file"; cat "$file"; done';
const status = 'for dir do if [ -f "$dir/status" ]; then exec cat "$dir/status"; fi; done; exit 4';

/** Reads all of it, and changes nothing. Throws E_DEVICE_COMMAND when the device has no database of dpkg, E_SSH_CUT. */
export async function readDevice(session: Session): Promise<LiveDevice> {
  const run = async (script: string, ...args: string[]) =>
    (await session.exec(['sh', '-c', script, 'sh', ...args], { timeoutMs: 120_000, check: false })).stdout;
  const installed = await run(status, ...databases);
  if (!installed.includes('Package:')) {
    throw new LockstepError('E_DEVICE_COMMAND', `device ${session.device}: it has no database of dpkg`, {
      hint: `its packages are read from \`status\` in ${databases.join(', ')}`,
    });
  }
  const sources = await run(
    `set -- /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; ${show}`,
  );
  const states = await run('cat /var/lib/apt/extended_states');
  return {
    name: session.device,
    status: installed,
    osRelease: await run('cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release'),
    automatic: states === '' ? null : automaticIn(states),
    sources: filesIn(sources).flatMap(({ name, text }) => parseAptSources(text, name)),
    remotes: remotesIn(await run('ostree remote list --show-urls 2>/dev/null')),
  };
}

function automaticIn(states: string): Set<string> {
  const stanzas = states.split(/\n\s*\n/).filter((stanza) => /^Auto-Installed:\s*1\s*$/m.test(stanza));
  return new Set(stanzas.flatMap((stanza) => /^Package:\s*(\S+)/m.exec(stanza)?.[1] ?? []));
}

/** The output of `show`. */
function filesIn(output: string): { name: string; text: string }[] {
  return output
    .split(/^@@ /m)
    .slice(1)
    .map((part) => ({ name: part.slice(0, part.indexOf('\n')), text: part.slice(part.indexOf('\n') + 1) }));
}

/** `NAME  URL`, as `ostree remote list --show-urls` prints them. */
export function remotesIn(output: string): LiveDevice['remotes'] {
  return [...output.matchAll(/^\s*(\S+)\s+(\S+)\s*$/gm)].map(([, name, url]) => ({ name: name!, url: url! }));
}
