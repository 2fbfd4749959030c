import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PowerConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { PowerAction, PowerSwitch, Switched } from './power.ts';

/** Bytes of a command's output that are kept: its end. */
const keptOutput = 16_384;

export interface PowerCommands {
  /** The device's name, for messages; commands find it as LOCKSTEP_DEVICE. */
  device: string;
  power: PowerConfig;
  /** Where the commands run: the directory of lockstep.yml. */
  directory: string;
  environment: NodeJS.ProcessEnv;
}

/**
 * A switch that runs the commands of `power:` on this machine, through sh: one for a PDU, `uhubctl`, `labgrid-client`.
 * Without a command for `cycle` it is `off`, a pause, `on`.
 */
export function powerByCommands(given: PowerCommands): PowerSwitch {
  return { turn: (action, signal) => turn(given, action, signal) };
}

async function turn(given: PowerCommands, action: PowerAction, signal: AbortSignal): Promise<Switched> {
  const start = performance.now();
  const output: string[] = [];
  for (const [index, command] of commandsFor(given, action).entries()) {
    if (index > 0) await pause(given, signal);
    output.push(await run(given, command, signal));
  }
  return { action, output: output.filter((text) => text !== '').join('\n'), ms: Math.round(performance.now() - start) };
}

function commandsFor({ device, power }: PowerCommands, action: PowerAction): string[] {
  const { on, off, cycle } = power;
  if (action === 'cycle' && cycle === null && on !== null && off !== null) return [off, on];
  const command = power[action];
  if (command !== null) return [command];
  throw new LockstepError('E_POWER_MISSING', `device ${device} has no command for \`power.${action}\` in lockstep.yml`);
}

async function pause({ device, power }: PowerCommands, signal: AbortSignal): Promise<void> {
  await sleep(power.pauseMs, undefined, { signal }).catch(() => {
    throw interrupted(device);
  });
}

function interrupted(device: string): LockstepError {
  return new LockstepError('E_INTERRUPTED', `device ${device}: interrupted while its power was switched`);
}

function run(given: PowerCommands, command: string, signal: AbortSignal): Promise<string> {
  const { device, power, directory, environment } = given;
  if (signal.aborted) throw interrupted(device);
  return new Promise((resolve, reject) => {
    // A process group of its own, so that what the command started ends with it.
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: directory,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment, LOCKSTEP_DEVICE: device },
    });
    let output = '';
    let ended: LockstepError | null = null;
    const end = (error: LockstepError) => {
      ended = error;
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const timer = setTimeout(() => {
      const limit = `${power.timeoutMs / 1000} s`;
      end(new LockstepError('E_POWER', `device ${device}: \`${command}\` did not end in ${limit}${told(output)}`));
    }, power.timeoutMs);
    const abort = () => end(interrupted(device));
    signal.addEventListener('abort', abort, { once: true });
    const collect = (chunk: string) => {
      output = (output + chunk).slice(-keptOutput);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    child.on('error', (cause) => {
      settle();
      reject(new LockstepError('E_POWER', `device ${device}: cannot run \`${command}\`: ${cause.message}`, { cause }));
    });
    // What it left running may hold the pipes open for ever.
    child.on('exit', () => setTimeout(() => [child.stdout, child.stderr].map((pipe) => pipe.destroy()), 1_000).unref());
    child.on('close', (code, killedBy) => {
      settle();
      if (ended !== null) return reject(ended);
      if (code === 0) return resolve(output.trim());
      const how = killedBy === null ? `failed with exit code ${code}` : `was ended by ${killedBy}`;
      reject(new LockstepError('E_POWER', `device ${device}: \`${command}\` ${how}${told(output)}`));
    });
  });
}

function told(output: string): string {
  const lines = output.trim().split('\n').slice(-5).join('\n');
  return lines === '' ? '' : `:\n${lines}`;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in this moment.
  }
}
