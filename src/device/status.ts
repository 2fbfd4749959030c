/** One line of `ostree admin status`: a tree that the boot loader knows. */
export interface Deployment {
  /** Place in the boot order; 0 is what the next boot takes. */
  index: number;
  booted: boolean;
  stateroot: string;
  checksum: string;
  serial: number;
  /** `pending`, `rollback`, `staged`, or what a later ostree calls it. */
  note: string | null;
  /** Kept, whatever is deployed after it. */
  pinned: boolean;
}

// `status --json` came with ostree 2025.3; Debian stable's prints this. Other lines are indented by four.
const line = /^([* ]) (\S+) ([0-9a-f]{64})\.(\d+)(?: \((.*)\))?$/;

/** Reads what `ostree admin status` prints; an empty list when the system has no deployment. */
export function parseStatus(text: string): Deployment[] {
  const deployments: Deployment[] = [];
  for (const row of text.split('\n')) {
    const last = deployments.at(-1);
    if (last !== undefined && /^ {4}Pinned: yes$/.test(row)) last.pinned = true;
    const match = line.exec(row);
    if (match === null) continue;
    const [, star, stateroot = '', checksum = '', serial = '', note] = match;
    deployments.push({
      index: deployments.length,
      booted: star === '*',
      stateroot,
      checksum,
      serial: Number(serial),
      note: note ?? null,
      pinned: false,
    });
  }
  return deployments;
}

/** `CHECKSUM.SERIAL`, which no other deployment of a stateroot has. */
export function nameOf({ checksum, serial }: Pick<Deployment, 'checksum' | 'serial'>): string {
  return `${checksum}.${serial}`;
}
