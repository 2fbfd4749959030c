import type { Session } from './ssh/session.ts';

/** What a device says beside its verdict, for whoever has to find out why. Texts as the programs print them. */
export interface Evidence {
  /** The last 400 lines of the journal of the boot that was judged. */
  journal: string | null;
  /** `ostree admin status` */
  status: string | null;
  /** `systemctl status` of the units that failed. */
  units: string | null;
  /** What health scripts said in this boot. */
  health: string | null;
  /** What the device kept of boots that were not confirmed: why, health, journal. */
  trial: string | null;
  /** The serial console since the deployment began; virtual devices only. */
  console: string | null;
}

export const noEvidence: Evidence = {
  journal: null,
  status: null,
  units: null,
  health: null,
  trial: null,
  console: null,
};

const script = `
say() { printf '\\n@@ %s\\n' "$1"; }
say status; ostree admin status
say units; systemctl status --failed --no-pager 2>/dev/null
say health; cat /run/lockstep/health 2>/dev/null; cd /run/lockstep/health.d 2>/dev/null && tail -n 200 -v -- * 2>/dev/null
say trial; cd /var/lib/lockstep && cat trial ended reasons 2>/dev/null; find boots -type f -exec tail -n 400 -v -- {} + 2>/dev/null
say journal; journalctl -b -n 400 --no-pager -o short-monotonic
:`;

/** Asks for all of it; what a device that is gone does not tell is null. */
export async function gatherEvidence(session: Session): Promise<Partial<Evidence>> {
  const { stdout } = await session.exec(['sh', '-c', script], { check: false, timeoutMs: 60_000 });
  const parts = new Map(
    stdout
      .split('\n@@ ')
      .map((part): [string, string] => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
  const text = (name: string) => parts.get(name)?.trim() || null;
  return {
    status: text('status'),
    units: text('units'),
    health: text('health'),
    trial: text('trial'),
    journal: text('journal'),
  };
}
