import type { Command } from 'commander';
import type { DeviceConfig } from '../config/types.ts';
import { connectionOf } from '../device/connection.ts';
import { eachDevice } from '../device/each.ts';
import { pullThrough } from '../device/push.ts';
import { connect } from '../device/ssh.ts';
import { type ErrorCode, LockstepError } from '../errors/index.ts';
import { type Context, ok, type Verb } from './verb.ts';
import { wantedCommits } from './wanted.ts';

interface PushOptions {
  commit?: string;
}

interface Pushed {
  name: string;
  commit: string;
  bytesSent: number;
  ms: number;
  /** Why the device did not take it, and the code of that; null when it did. */
  reason: string | null;
  code: ErrorCode | null;
}

/** `lockstep push`: brings a commit to devices without deploying it, so that a later deploy has nothing to transfer. */
export const push: Verb<PushOptions> = {
  name: 'push',
  summary: 'bring a commit to devices without deploying it',

  declare(command: Command) {
    command.option('--commit <rev>', 'commit or ref of the build repository; the image’s own by default');
  },

  async run(context, options) {
    const chosen = await context.devices();
    const wanted = await wantedCommits(context, chosen, options.commit);
    const devices = await eachDevice(chosen, (device) => pushTo(context, device, wanted.get(device.name) ?? ''));
    const failed = devices.filter(({ reason }) => reason !== null);
    if (failed.length === 0) return ok(`${devices.length} of ${devices.length} devices have the commit`, { devices });
    const message = failed.map(({ name, reason }) => `${name}: ${reason}`).join('\n');
    return { outcome: 'failed', code: failed[0]?.code ?? 'E_DEVICE_COMMAND', message, hint: null, devices };
  },
};

async function pushTo(context: Context, device: DeviceConfig, commit: string): Promise<Pushed> {
  const start = performance.now();
  const { archive } = await context.workspace();
  const stage = context.progress.stage(`push ${device.name}`);
  let bytesSent = 0;
  const onBytes = (bytes: number) => {
    bytesSent += bytes;
    stage.advance({ bytes });
  };
  const result = (error: LockstepError | null): Pushed => {
    const ms = Math.round(performance.now() - start);
    return { name: device.name, commit, bytesSent, ms, reason: error?.message ?? null, code: error?.code ?? null };
  };
  try {
    const { signal, environment } = context;
    const session = await connect(await connectionOf(device, await context.workspace()), { signal, environment });
    try {
      await pullThrough(session, commit, { archive, onBytes });
    } finally {
      await session.close();
    }
    stage.done();
    return result(null);
  } catch (error) {
    stage.fail();
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    return result(error);
  }
}
