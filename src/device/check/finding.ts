import type { Session } from '../ssh/session.ts';

/** One thing that was looked at on a device. */
export interface Finding {
  what: string;
  /** `lacks`: deployments fail without it; `warns`: they are less safe without it; `fixed`: it was, and is mended. */
  state: 'has' | 'lacks' | 'warns' | 'fixed';
  detail: string;
}

/** A finding with the way to mend it, where lockstep knows one that touches nothing else. */
export interface Mendable extends Finding {
  fix?: Fix;
}

export interface Fix {
  /** What it does, as a sentence for the user: `replaces /boot/boot.scr, which is an older one of lockstep’s`. */
  says: string;
  /** Mends it on the device. Throws E_DEVICE_COMMAND when it cannot; the device is then as it was. */
  mend(session: Session): Promise<void>;
}
