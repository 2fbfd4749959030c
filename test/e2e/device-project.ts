import { openContext } from '../../src/commands/context.ts';
import { deploy } from '../../src/commands/deploy.ts';
import type { Outcome, Verb } from '../../src/commands/verb.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { DeviceConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { DeviceDeployment } from '../../src/device/deploy.ts';
import { connectionOf } from '../../src/device/ssh/connection.ts';
import type { Session } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { silent } from '../../src/progress/progress.ts';

const never = new AbortController().signal;

/** How a verb is run beside its own options: `--device`, and what interrupts it. */
export interface Running {
  device?: string[];
  signal?: AbortSignal;
}

/** A project with devices, the first of which is the one that is tested. */
export class DeviceProject {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Runs a verb by the host toolbox as the command line does, in this process. */
  async lockstep<Options>(
    verb: Verb<Options>,
    options: Options,
    args: string[] = [],
    { device, signal = never }: Running = {},
  ): Promise<Outcome> {
    const context = openContext({ C: this.dir, toolbox: 'host', device }, silent, signal);
    try {
      return await verb.run(context, options, args);
    } finally {
      await context.close();
    }
  }

  /** Deploys a commit to the device, and says what came of it there. */
  async deployed(revision: string): Promise<{ outcome: Outcome; device: DeviceDeployment }> {
    const { name } = await this.device();
    const outcome = await this.lockstep(deploy, { commit: revision }, [], { device: [name] });
    return { outcome, device: (outcome.devices as DeviceDeployment[])[0]! };
  }

  async device(): Promise<DeviceConfig> {
    return (await loadConfig(this.dir)).devices[0]!;
  }

  /** Logs in on the device, whatever the client's configuration of this machine says of it. */
  async login(): Promise<Session> {
    const environment = { ...process.env, LOCKSTEP_SSH_CONFIG: 'none' };
    const to = await connectionOf(await this.device(), workspaceOf(this.dir), environment);
    return connect(to, { signal: never });
  }

  /** Runs a command on the device, and gives its stdout without the last line break. */
  async onDevice(argv: readonly string[], timeoutMs?: number): Promise<string> {
    const session = await this.login();
    try {
      return (await session.exec(argv, { timeoutMs })).stdout.trim();
    } finally {
      await session.close();
    }
  }
}
