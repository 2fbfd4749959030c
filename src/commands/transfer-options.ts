import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DeltaChoice } from '../ostree/static-deltas.ts';
import { parseRate, Throttle } from '../ostree/throttle.ts';

/** The flags of verbs that bring commits to devices. */
export interface TransferOptions {
  delta?: DeltaChoice;
  /** Bytes a second, for all devices together. */
  limitRate?: number;
}

/** Bytes a second below which ostree on a device gives a connection up: it has eight of them. */
const leastRate = 16_000;

export function declareTransfer(command: Command): void {
  const delta = new Option('--delta <when>', 'send a static delta: auto, when it is worth the making, always or never');
  command
    .addOption(delta.choices(['auto', 'always', 'never']).default('auto'))
    .option('--limit-rate <rate>', 'bytes a second for all devices together, such as 500k or 2M', rate);
}

function rate(text: string): number {
  const bytes = parseRate(text);
  if (bytes === null) throw new InvalidArgumentError('Expected bytes a second, such as 500k or 2M.');
  if (bytes < leastRate) throw new InvalidArgumentError('At least 16k: devices give up a connection that is slower.');
  return bytes;
}

/** Where all devices of a run wait for their turn; undefined: there is no limit. */
export function throttleOf({ limitRate }: TransferOptions): ((bytes: number) => Promise<void>) | undefined {
  if (limitRate === undefined) return undefined;
  const throttle = new Throttle(limitRate);
  return (bytes) => throttle.take(bytes);
}
