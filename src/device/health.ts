/** What `/usr/lib/lockstep/health` found on a device (resources/lockstep/device/health.sh has the format). */
export interface Health {
  healthy: boolean;
  /** Why it is not, a sentence each. */
  reasons: string[];
  /** Wanted health scripts that did not succeed: warnings. */
  warnings: string[];
}

/** Reads the file; null when there is none, or it was not written to its end. */
export function parseHealth(text: string): Health | null {
  const lines = text.split('\n');
  const result = lines.find((line) => line.startsWith('result '));
  if (result === undefined) return null;
  const after = (word: string) => lines.filter((line) => line.startsWith(word)).map((line) => line.slice(word.length));
  return {
    healthy: result === 'result healthy',
    reasons: after('reason '),
    warnings: after('wanted ').filter((said) => !said.endsWith(' ok')),
  };
}
