import { LockstepError } from '../../errors/index.ts';
import { type Provenance, type RecordedRelease, releaseKey } from './provenance.ts';

/** A suite that is older now than it was when the lockfile was made. */
export interface Rollback {
  now: RecordedRelease;
  before: RecordedRelease;
}

/** The suites that are older than what is recorded of them. @param recorded null: nothing is */
export function rollbacks(releases: readonly RecordedRelease[], recorded: Provenance | null): Rollback[] {
  return releases.flatMap((now) => {
    const before = recorded?.releases.find((release) => releaseKey(release) === releaseKey(now));
    return before !== undefined && Date.parse(now.date) < Date.parse(before.date) ? [{ now, before }] : [];
  });
}

/**
 * The rollbacks that were allowed. Throws E_SUITE_ROLLBACK for the first that was not. @param allowed names of suites
 */
export function refuseRollbacks(image: string, found: readonly Rollback[], allowed: readonly string[]): Rollback[] {
  const refused = found.find(({ now }) => !allowed.includes(now.suite));
  if (refused === undefined) return [...found];
  const { suite } = refused.now;
  throw new LockstepError('E_SUITE_ROLLBACK', `image ${image}: ${rollbackText(refused)}`, {
    hint:
      `use another mirror or try again later; \`--allow-suite-rollback ${suite}\` takes it on your word, ` +
      'and brings back every hole that was closed since',
  });
}

/** `the suite bookworm-security is of DATE, older than that of DATE from which the lockfile was made`. */
export function rollbackText({ now, before }: Rollback): string {
  const whose = now.repository === null ? '' : ` of ${now.repository}`;
  return `the suite ${now.suite}${whose} is of ${now.date}, older than that of ${before.date} from which the lockfile was made`;
}
