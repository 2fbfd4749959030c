import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import Table from 'cli-table3';
import { type Command, Option } from 'commander';
import { milliseconds } from '../config/duration.ts';
import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { type DeviceDeployment, deployTo } from '../device/deploy.ts';
import { eachDevice } from '../device/each.ts';
import { powerOf } from '../device/power/power-of.ts';
import { LockstepError } from '../errors/index.ts';
import { untested } from '../report/draft.ts';
import { powerMeans } from './devices/power.ts';
import { recorded } from './recorded.ts';
import { declareTransfer, type TransferOptions, throttleOf } from './transfer-options.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';
import { wantedCommits } from './wanted.ts';

interface DeployVerbOptions extends TransferOptions {
  commit?: string;
  rollback?: boolean;
  /** Milliseconds. */
  waitLock?: number;
}

/** `lockstep deploy`: makes devices run a commit, and proves that they do. */
export const deploy: Verb<DeployVerbOptions> = {
  name: 'deploy',
  summary: 'make devices run a commit, and prove that they do',

  declare(command: Command) {
    command
      .option('--commit <rev>', 'commit or ref of the build repository; the image’s own by default')
      .addOption(new Option('--rollback', 'go back to the older deployment that each device has').conflicts('commit'))
      .option(
        '--wait-lock <duration>',
        'wait that long for another deployment to the same device, such as 10m',
        duration,
      );
    declareTransfer(command);
  },

  async run(context, options) {
    const chosen = await context.devices();
    return recorded(context, {}, async (inner, draft) => {
      const deployments = await deployDevices(inner, chosen, options);
      draft.devices = chosen.map((device, index) => untested(device, plain(deployments[index]!)));
      return outcomeOf(deployments);
    });
  },

  print(outcome) {
    return `${deploymentTable(outcome.devices as PlainDeployment[])}\n${outcome.message}`;
  },
};

function duration(text: string): number {
  const ms = milliseconds(text);
  if (Number.isFinite(ms)) return ms;
  throw new LockstepError('E_USAGE', `--wait-lock ${text}: expected a duration such as 30s, 10m or 1h`);
}

/** Deploys to several devices at once, and keeps what each one says of it under `.lockstep/run/devices/<name>/`. */
export async function deployDevices(
  context: Context,
  chosen: DeviceConfig[],
  { commit, rollback = false, waitLock, ...transfer }: DeployVerbOptions = {},
): Promise<DeviceDeployment[]> {
  const workspace = await context.workspace();
  const wanted = rollback ? null : await wantedCommits(context, chosen, commit);
  const { progress, signal, environment } = context;
  const means = await powerMeans(context);
  const options = {
    ...{ workspace, progress, signal, environment, waitLockMs: waitLock },
    source: await context.source(),
    transfer: { delta: transfer.delta, throttle: throttleOf(transfer) },
  };
  return eachDevice(chosen, async (device) => {
    const power = device.power?.afterSilence ? powerOf(device, means) : null;
    const deployment = await deployTo(device, wanted?.get(device.name) ?? null, { ...options, power });
    await keepEvidence(workspace, deployment);
    return deployment;
  });
}

/** A file for each thing that the device said: `deploy-journal.txt` and so on. */
async function keepEvidence(workspace: Workspace, { name, evidence }: DeviceDeployment): Promise<void> {
  const dir = path.join(workspace.run, 'devices', name);
  for (const [what, text] of Object.entries(evidence)) {
    if (text === null) continue;
    await mkdir(dir, { recursive: true });
    await writeFile(path.join(dir, evidenceFile(what)), `${text}\n`);
  }
}

const evidenceFile = (what: string) => `deploy-${what}.txt`;

/** A deployment with the names of the files, relative to `devices/<name>/`, in the place of what they hold. */
export function plain({ evidence, ...rest }: DeviceDeployment): PlainDeployment {
  const files = Object.entries(evidence).filter(([, text]) => text !== null);
  return { ...rest, evidence: files.map(([what]) => evidenceFile(what)) };
}

export type PlainDeployment = Omit<DeviceDeployment, 'evidence'> & { evidence: string[] };

/** What `lockstep deploy` comes to: failed unless every device runs its commit. */
export function outcomeOf(deployments: DeviceDeployment[]): Outcome {
  const fields = { devices: deployments.map(plain) };
  const failed = deployments.filter(({ verdict }) => verdict !== 'deployed' && verdict !== 'unchanged');
  if (failed.length > 0) {
    const message = failed.map(({ name, verdict, reason }) => `${name}: ${verdict}: ${reason}`).join('\n');
    const hint = 'Journals and consoles are in `.lockstep/run/devices/NAME/` and `.lockstep/devices/NAME/`.';
    return { outcome: 'failed', code: 'E_DEPLOY', message, hint, ...fields };
  }
  if (deployments.length === 0) return unchanged('there is no device to deploy to', fields);
  if (deployments.every(({ verdict }) => verdict === 'unchanged')) {
    return unchanged('every device runs its commit already', fields);
  }
  return ok(`${deployments.length} of ${deployments.length} devices run their commit`, fields);
}

function deploymentTable(deployments: PlainDeployment[]): string {
  const head = ['device', 'verdict', 'commit', 'sent', 'took'];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'left', 'right', 'right'],
  });
  for (const { name, verdict, commit, bytesSent, ms } of deployments) {
    const sent = `${(bytesSent / 1_048_576).toFixed(1)} MiB`;
    table.push([name, verdict, commit?.slice(0, 12) ?? '', sent, `${(ms / 1000).toFixed(1)} s`]);
  }
  return table.toString();
}
