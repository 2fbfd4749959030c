/** What a device keeps in /var/lib/lockstep about a deployment on trial (resources/lockstep/device/trial.sh). */
export interface TrialRecord {
  commit: string;
  /** `CHECKSUM.SERIAL` of the deployment that ran before. */
  previous: string;
  /** How it ended: `confirmed`, `given-up`, `cleared`; null while it lasts. */
  result: string | null;
  /** `previous` was pinned for the trial. */
  pinned: boolean;
}

/** Reads `name=value` lines; null when they are not those of a trial. */
export function parseTrial(text: string): TrialRecord | null {
  const values = new Map(
    text
      .split('\n')
      .map((line) => /^([a-z]+)=(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, name = '', value = '']) => [name, value] as const),
  );
  const [commit, previous] = [values.get('commit'), values.get('previous')];
  if (commit === undefined || previous === undefined) return null;
  return { commit, previous, result: values.get('result') ?? null, pinned: values.get('pinned') === 'yes' };
}
