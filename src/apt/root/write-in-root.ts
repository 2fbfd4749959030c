import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { runApt } from './apt-run.ts';
import type { PrivateRoot } from './private-root.ts';

/** Writes a file of a private root, of any size, through the toolbox. Throws E_DISK_FULL, E_APT_FAILED. */
export async function writeInRoot(
  toolbox: Toolbox,
  root: PrivateRoot,
  file: string,
  text: string,
  { append = false } = {},
): Promise<void> {
  const write = `mkdir -p "\${1%/*}" && cat ${append ? '>>' : '>'} "$1"`;
  const { exitCode, output } = await runApt(toolbox, root, ['sh', '-euc', write, 'sh', file], {
    input: text,
    timeoutMs: 60_000,
  });
  if (exitCode === 0) return;
  const code = /No space left on device|Disk quota exceeded/.test(output) ? 'E_DISK_FULL' : 'E_APT_FAILED';
  throw new LockstepError(code, `cannot write ${file}: ${output.trim()}`);
}
