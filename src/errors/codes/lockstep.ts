import type { ErrorEntry } from '../entry.ts';

/** lockstep itself. */
export const lockstepCodes = {
  E_NO_SUCH_CODE: {
    exit: 2,
    meaning: 'There is no such error code.',
    remedy: 'Run `lockstep explain` for the list.',
  },
  E_INTERNAL: {
    exit: 1,
    meaning: 'lockstep met a state that it does not know: a defect.',
    remedy: 'Run again with `--verbose` and report what it prints.',
  },
} satisfies Record<string, ErrorEntry>;
