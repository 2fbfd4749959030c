import { bootArgument } from '../image/trial/boot-script.ts';
import type { DeviceState } from './observe.ts';
import { nameOf } from './status.ts';

/** Where a device stands on its way to a commit, in order. */
export const states = ['reachable', 'transferred', 'deployed', 'rebooted', 'proven', 'healthy'] as const;
export type State = (typeof states)[number];

/** What makes each state true; each presumes those before it. A device that runs a commit need not be asked for its objects. */
const holds: Record<State, (seen: DeviceState, wanted: string) => boolean> = {
  reachable: () => true,
  transferred: (seen, wanted) => seen.transferred || runs(seen, wanted),
  deployed: ({ deployments }, wanted) => deployments[0]?.checksum === wanted,
  rebooted: (seen, wanted) => runs(seen, wanted) && seen.booted.index === 0,
  proven: ({ booted, bootedDirectory }) => bootedDirectory === nameOf(booted),
  healthy: ({ onTrial, health, judgesItself }) => !onTrial && (health?.healthy ?? !judgesItself),
};

/** The last state that holds: where a run of lockstep starts from, whatever the one before it came to. */
export function stateOf(seen: DeviceState, wanted: string): State {
  const missing = states.findIndex((state) => !holds[state](seen, wanted));
  return states[missing === -1 ? states.length - 1 : missing - 1] ?? 'reachable';
}

/** Whether `state` is reached when `reached` is. */
export function includes(reached: State, state: State): boolean {
  return states.indexOf(reached) >= states.indexOf(state);
}

/** The boot that answers is one of the trial, or its fallback; otherwise the trial has only been prepared. */
export function isBootOfTrial({ booted, cmdline, trial }: DeviceState): boolean {
  if (trial === null || booted.checksum === trial.commit) return true;
  return cmdline.some((argument) => argument.startsWith(`${bootArgument}=`));
}

function runs({ booted }: DeviceState, wanted: string): boolean {
  return booted.checksum === wanted;
}
