export const powerActions = ['on', 'off', 'cycle'] as const;
/** What can be done to a device's power supply; `cycle` is off, then on again. */
export type PowerAction = (typeof powerActions)[number];

/** How switching went. */
export interface Switched {
  action: PowerAction;
  /** What the switch said, for the evidence; empty for one that says nothing. */
  output: string;
  ms: number;
}

/**
 * What gives a device its current and takes it away, without asking the device: commands for a real one
 * (`power-commands.ts`), the process of its machine for a virtual one (`virtual/power.ts`). `on` of a device that is on and
 * `off` of one that is off are no errors. `on` returns as soon as there is current; that the device boots is for others to
 * see, at the address that it had. Throws E_POWER when it could not be done or took too long, E_INTERRUPTED when the
 * signal fired.
 */
export interface PowerSwitch {
  turn(action: PowerAction, signal: AbortSignal): Promise<Switched>;
}
