import { installedSizeOf, type Pinned, sourceVersionOf } from '../apt/changes/pinned.ts';
import { parseStanzas, type Stanza } from '../apt/deb822.ts';
import { LockstepError } from '../errors/index.ts';
import type { Session } from './ssh/session.ts';

/**
 * Where dpkg's database is looked for: with the deployment that it describes, as in lockstep's images and those of other makers, then
 * where Debian has it. `/var` of an ostree device outlives its deployments, so that what lies there may be of another one.
 */
export const databases = ['/usr/lib/sysimage/dpkg', '/usr/share/dpkg/database', '/usr/lib/dpkg-db', '/var/lib/dpkg'];

/** Reads the status file of the first database: a device needs no dpkg for it. */
const script = `for dir do if [ -f "$dir/status" ]; then exec cat "$dir/status"; fi; done; exit 4`;

/**
 * What is installed on a device, as if it were pinned; a package of another architecture than `arch` is named with its own. Throws
 * E_DEVICE_COMMAND when it has no database of dpkg, or one that is empty or cannot be read.
 */
export async function installedPackages(session: Session, arch: string): Promise<Pinned[]> {
  const argv = ['sh', '-c', script, 'sh', ...databases];
  const { exitCode, stdout, stderr } = await session.exec(argv, { timeoutMs: 120_000, check: false });
  const installed = exitCode === 0 ? readStatus(session.device, stdout, arch) : [];
  if (installed.length > 0) return installed;
  const why = exitCode === 0 ? 'its dpkg knows of no installed package' : stderr.trim() || 'it has no database of dpkg';
  throw new LockstepError('E_DEVICE_COMMAND', `device ${session.device}: ${why}`, {
    hint: `its packages are read from \`status\` in ${databases.join(', ')}`,
  });
}

function readStatus(device: string, status: string, arch: string): Pinned[] {
  try {
    return parseInstalled(status, arch);
  } catch (error) {
    const message = `device ${device}: the status file of its dpkg cannot be read: ${(error as Error).message}`;
    throw new LockstepError('E_DEVICE_COMMAND', message, { cause: error });
  }
}

/** Reads a status file of dpkg. Throws {@link Deb822Error}. */
export function parseInstalled(status: string, arch: string): Pinned[] {
  return parseStanzas(status).flatMap((stanza) => {
    const [name, version] = [stanza.get('Package'), stanza.get('Version')];
    if (name === undefined || version === undefined || !isThere(stanza)) return [];
    const architecture = stanza.get('Architecture') ?? '';
    const isNative = architecture === arch || architecture === 'all';
    return [
      {
        package: isNative ? name : `${name}:${architecture}`,
        version,
        source: stanza.get('Source')?.replace(/ .*/s, '') || name,
        sourceVersion: sourceVersionOf(stanza, version),
        architecture,
        sha256: null,
        size: null,
        installedSize: installedSizeOf(stanza),
      },
    ];
  });
}

/** Whether its files are there, configured or not: the third word of `Status` (dpkg(1), "Package states"). */
function isThere(stanza: Stanza): boolean {
  return /\s(?:installed|unpacked|half-configured|triggers-awaited|triggers-pending)\s*$/.test(
    stanza.get('Status') ?? '',
  );
}
