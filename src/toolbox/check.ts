/** One thing that lockstep may need of the machine it runs on, as `lockstep doctor --json` shows it. */
export interface Check {
  name: string;
  ok: boolean;
  /** What it is needed for. */
  needed: string;
  /** What is there: a version, an address; or why it cannot be used. */
  found: string | null;
  /** How to mend it; null when there is nothing to mend. */
  remedy: string | null;
}

type Subject = Pick<Check, 'name' | 'needed'>;

export function present(subject: Subject, found: string | null): Check {
  return { ...subject, ok: true, found, remedy: null };
}

export function lacking(subject: Subject, found: string | null, remedy: string): Check {
  return { ...subject, ok: false, found, remedy };
}

/** One line for each check, in columns; below what is missing: how to mend it. */
export function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.map((check) => formatCheck(check, width)).join('\n');
}

function formatCheck({ name, ok, needed, found, remedy }: Check, width: number): string {
  const mark = ok ? 'ok     ' : 'missing';
  const line = `${mark}  ${name.padEnd(width)}  ${ok ? (found ?? '') : `for ${needed}`}`.trimEnd();
  const indent = `\n${' '.repeat(mark.length + 2)}`;
  return ok ? line : [line, ...(found === null ? [] : [found]), `→ ${remedy}`].join(indent);
}
