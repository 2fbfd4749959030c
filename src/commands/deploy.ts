import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import Table from 'cli-table3';
import type { Command } from 'commander';
import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { type DeviceDeployment, deployTo } from '../device/deploy.ts';
import { eachDevice } from '../device/each.ts';
import { untested } from '../report/draft.ts';
import { recorded } from './recorded.ts';
import { type Context, type Outcome, ok, unchanged, type Verb } from './verb.ts';
import { wantedCommits } from './wanted.ts';

interface DeployVerbOptions {
  commit?: string;
}

/** `lockstep deploy`: makes devices run a commit, and proves that they do. */
export const deploy: Verb<DeployVerbOptions> = {
  name: 'deploy',
  summary: 'make devices run a commit, and prove that they do',

  declare(command: Command) {
    command.option('--commit <rev>', 'commit or ref of the build repository; the image’s own by default');
  },

  async run(context, options) {
    const chosen = await context.devices();
    return recorded(context, {}, async (inner, draft) => {
      const deployments = await deployDevices(inner, chosen, options.commit);
      draft.devices = chosen.map((device, index) => untested(device, withoutJournal(deployments[index]!)));
      return outcomeOf(deployments);
    });
  },

  print(outcome) {
    return `${deploymentTable(outcome.devices as DeviceDeployment[])}\n${outcome.message}`;
  },
};

/** Deploys to several devices at once, and keeps each one's journal under `.lockstep/run/devices/<name>/`. */
export async function deployDevices(
  context: Context,
  chosen: DeviceConfig[],
  revision?: string,
): Promise<DeviceDeployment[]> {
  const workspace = await context.workspace();
  const wanted = await wantedCommits(context, chosen, revision);
  const { progress, signal, environment } = context;
  return eachDevice(chosen, async (device) => {
    const deployment = await deployTo(device, wanted.get(device.name) ?? '', {
      workspace,
      progress,
      signal,
      environment,
    });
    await keepJournal(workspace, deployment);
    return deployment;
  });
}

async function keepJournal(workspace: Workspace, { name, journal }: DeviceDeployment): Promise<void> {
  if (journal === null) return;
  const dir = path.join(workspace.run, 'devices', name);
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, 'deploy-journal.txt'), journal);
}

export function withoutJournal({ journal: _, ...rest }: DeviceDeployment): Omit<DeviceDeployment, 'journal'> {
  return rest;
}

/** What `lockstep deploy` comes to: failed unless every device runs its commit. */
export function outcomeOf(deployments: DeviceDeployment[]): Outcome {
  // Journals are files: a JSON object on one line is no place for them.
  const fields = { devices: deployments.map(withoutJournal) };
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

function deploymentTable(deployments: DeviceDeployment[]): string {
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
