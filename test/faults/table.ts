import { bootFaults } from './boot-faults.ts';
import type { Fault } from './fault.ts';
import { transferFaults } from './transfer-faults.ts';
import { trialFaults } from './trial-faults.ts';

/** All of them; what a play draws depends on the place that its fault has here. */
export const faults: Fault[] = [...transferFaults, ...bootFaults, ...trialFaults];
