import type { Toolbox } from '../../toolbox/toolbox.ts';

/**
 * Copies a disk image, which is mostly holes: at once where the file system shares blocks between files, otherwise in
 * the time that its used blocks take. The copy appears under its name only when it is whole.
 */
export async function copyDisk(toolbox: Toolbox, from: string, to: string): Promise<void> {
  const script = 'cp --sparse=always --reflink=auto -- "$1" "$2.tmp" && mv -f -- "$2.tmp" "$2"';
  await toolbox.run(['sh', '-euc', script, 'sh', from, to], { timeoutMs: 600_000 });
}
