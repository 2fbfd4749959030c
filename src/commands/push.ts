import type { Command } from 'commander';
import type { DeviceConfig } from '../config/types.ts';
import { eachDevice } from '../device/each.ts';
import { type Pulled, type PullOptions, pullThrough } from '../device/push/push.ts';
import { connectionOf } from '../device/ssh/connection.ts';
import type { Traffic } from '../device/ssh/session.ts';
import { connect } from '../device/ssh/ssh.ts';
import { type ErrorCode, LockstepError } from '../errors/index.ts';
import { declareTransfer, type TransferOptions, throttleOf } from './transfer-options.ts';
import { type Context, ok, type Verb } from './verb.ts';
import { wantedCommits } from './wanted.ts';

interface PushOptions extends TransferOptions {
  commit?: string;
  verify?: boolean;
}

interface Pushed {
  name: string;
  commit: string;
  /** Of the SSH connection as a whole: login, HTTP and SSH included, TCP and IP not. */
  bytesSent: number;
  bytesReceived: number;
  /** The commit that a static delta built on; null: objects were sent, or nothing. */
  deltaFrom: string | null;
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
    command
      .option('--commit <rev>', 'commit or ref of the build repository; the image’s own by default')
      .option('--verify', 'have devices read all their objects afterwards, and fetch anew what is damaged');
    declareTransfer(command);
  },

  async run(context, options) {
    const chosen = await context.devices();
    const { delta, verify } = options;
    const throttle = throttleOf(options);
    const wanted = await wantedCommits(context, chosen, options.commit);
    const devices = await eachDevice(chosen, (device) =>
      pushTo(context, device, wanted.get(device.name) ?? '', { delta, verify, throttle }),
    );
    const failed = devices.filter(({ reason }) => reason !== null);
    if (failed.length === 0) return ok(`${devices.length} of ${devices.length} devices have the commit`, { devices });
    const message = failed.map(({ name, reason }) => `${name}: ${reason}`).join('\n');
    return { outcome: 'failed', code: failed[0]?.code ?? 'E_DEVICE_COMMAND', message, hint: null, devices };
  },
};

async function pushTo(
  context: Context,
  device: DeviceConfig,
  commit: string,
  how: Pick<PullOptions, 'delta' | 'verify' | 'throttle'>,
): Promise<Pushed> {
  const start = performance.now();
  const { signal, environment } = context;
  const stage = context.progress.stage(`push ${device.name}`);
  let traffic: Traffic = { sent: 0, received: 0 };
  const result = (pulled: Pulled | null, error: LockstepError | null): Pushed => ({
    name: device.name,
    commit,
    bytesSent: traffic.sent,
    bytesReceived: traffic.received,
    deltaFrom: pulled?.deltaFrom ?? null,
    ms: Math.round(performance.now() - start),
    reason: error?.message ?? null,
    code: error?.code ?? null,
  });
  try {
    const session = await connect(await connectionOf(device, await context.workspace()), { signal, environment });
    try {
      const onBytes = (bytes: number) => stage.advance({ bytes });
      const pulled = await pullThrough(session, commit, { source: await context.source(), onBytes, ...how });
      traffic = session.traffic;
      stage.done();
      return result(pulled, null);
    } finally {
      traffic = session.traffic;
      await session.close();
    }
  } catch (error) {
    stage.fail();
    if (!(error instanceof LockstepError) || error.code === 'E_INTERRUPTED') throw error;
    return result(null, error);
  }
}
