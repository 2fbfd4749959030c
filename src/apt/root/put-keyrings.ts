import { createHash } from 'node:crypto';
import path from 'node:path';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { AptSource, SourceKeyring } from '../archive/apt-source.ts';

/**
 * Puts the project's own keyrings where apt in the toolbox reads them, whoever it runs as. What is there under the name
 * of its digest is not written again. Returns the path of each.
 */
export async function putKeyrings(
  toolbox: Toolbox,
  dir: string,
  sources: readonly AptSource[],
): Promise<(keyring: SourceKeyring) => string> {
  const pathOf = (keyring: SourceKeyring) =>
    'file' in keyring ? keyring.file : path.join(dir, `${keyringDigest(keyring)}.gpg`);
  const own = new Map(sources.flatMap(({ keyring }) => ('keys' in keyring ? [[pathOf(keyring), keyring.keys]] : [])));
  for (const [file, keys] of own) {
    const { exitCode, stderr } = await toolbox.run(['sh', '-euc', put, 'sh', file], {
      input: keys,
      check: false,
      timeoutMs: 60_000,
    });
    if (exitCode !== 0) throw new LockstepError('E_APT_FAILED', `cannot write ${file}: ${stderr.trim()}`);
  }
  return pathOf;
}

/** What tells keyrings apart. */
export function keyringDigest(keyring: SourceKeyring): string {
  return 'file' in keyring ? keyring.file : createHash('sha256').update(keyring.keys).digest('hex').slice(0, 16);
}

const put = `
mkdir -p "\${1%/*}"
cat > "$1.$$"
chmod 644 "$1.$$"
mv "$1.$$" "$1"
`;
