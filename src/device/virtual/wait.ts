import { setTimeout as sleep } from 'node:timers/promises';
import type { VirtualDevice } from '../../config/types.ts';
import type { Workspace } from '../../config/workspace.ts';
import { LockstepError } from '../../errors/index.ts';
import { inStage, type Progress, type Stage } from '../../progress/progress.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { connectionOf } from '../ssh/connection.ts';
import { connect } from '../ssh/ssh.ts';
import { bootFailure, consoleSince, lastLines } from './console.ts';
import { type DeviceFiles, deviceFiles } from './files.ts';
import { machineName } from './machine.ts';

export interface WaitOptions {
  toolbox: Toolbox;
  workspace: Workspace;
  progress: Progress;
  signal: AbortSignal;
  /** Bound in milliseconds; 300 s when not given. */
  bootMs?: number;
  /** Length of the console's file when this boot began. */
  from: number;
  /** A disk with one deployment has nothing to fall back to: its first failure is the end. */
  onlyDeployment: boolean;
}

/**
 * Waits until a virtual device lets lockstep in. Throws E_DEVICE_BOOT with the console's last lines when qemu ended, when
 * the boot failed for good or when time is up; E_SSH_HOST_KEY and E_INTERRUPTED at once.
 */
export async function waitForBoot(device: VirtualDevice, options: WaitOptions): Promise<void> {
  const work = (stage: Stage) => untilLogin(device, options, stage);
  await inStage(options.progress, `boot ${device.name}`, work, { summary: () => 'sshd answers' });
}

async function untilLogin(device: VirtualDevice, options: WaitOptions, stage: Stage): Promise<void> {
  const files = deviceFiles(options.workspace, device.name);
  const bootMs = options.bootMs ?? 300_000;
  const deadline = performance.now() + bootMs;
  for (;;) {
    const reason = await tryLogin(device, options);
    if (reason === null) return;
    const text = await consoleSince(files.console, options.from);
    const failure = bootFailure(text);
    const neverUp = (why: string) => bootError(device, files, why, failure?.until ?? text);
    if (!(await options.toolbox.daemonRunning(machineName(files, device.name)))) {
      throw neverUp(`qemu ended: ${lastLines(await consoleSince(files.qemuLog, 0), 1)[0] ?? 'without a word'}`);
    }
    if (options.onlyDeployment && failure !== null) throw neverUp(failure.reason);
    if (performance.now() > deadline) {
      throw neverUp(`${failure?.reason ?? reason}; gave up after ${Math.round(bootMs / 1000)} s`);
    }
    stage.advance({ detail: (lastLines(text, 1)[0] ?? 'U-Boot').slice(0, 100) });
    await sleep(1_000, undefined, { signal: options.signal }).catch(() => {});
  }
}

/** null when the device let us in, otherwise why not. A wrong host key is not waited out. */
async function tryLogin(device: VirtualDevice, options: WaitOptions): Promise<string | null> {
  try {
    const to = await connectionOf(device, options.workspace);
    const session = await connect(to, { signal: options.signal, timeoutMs: 10_000 });
    await session.close();
    return null;
  } catch (error) {
    const final = ['E_SSH_HOST_KEY', 'E_INTERRUPTED'];
    if (!(error instanceof LockstepError) || final.includes(error.code)) throw error;
    return error.message;
  }
}

function bootError(device: VirtualDevice, files: DeviceFiles, why: string, text: string): LockstepError {
  const tail = lastLines(text, 12).map((line) => `  ${line}`);
  const head = `virtual device ${device.name} did not come up: ${why}`;
  return new LockstepError('E_DEVICE_BOOT', [head, 'its console ended with:', ...tail].join('\n'), {
    hint: `The whole console is in ${files.console}.`,
  });
}
