/**
 * Which constraints leave no solution: sets of which each suffices, and no member of one could be spared; the sets share
 * no member. null: there is no solution without any constraint either, so that none is to blame.
 * @param solvable whether there is a solution with these constraints alone; not with all of them, as is known
 */
export async function toBlame<T>(
  constraints: readonly T[],
  solvable: (kept: readonly T[]) => Promise<boolean>,
): Promise<T[][] | null> {
  if (!(await solvable([]))) return null;
  const causes: T[][] = [];
  let left = [...constraints];
  do {
    const cause = await spared(left, solvable);
    causes.push(cause);
    left = left.filter((constraint) => !cause.includes(constraint));
  } while (left.length > 0 && !(await solvable(left)));
  return causes;
}

/** What is left of constraints without a solution when all that can be spared is taken away, one after the other. */
async function spared<T>(constraints: readonly T[], solvable: (kept: readonly T[]) => Promise<boolean>): Promise<T[]> {
  let kept = [...constraints];
  for (const constraint of constraints) {
    if (kept.length === 1) break;
    const rest = kept.filter((other) => other !== constraint);
    if (!(await solvable(rest))) kept = rest;
  }
  return kept;
}
