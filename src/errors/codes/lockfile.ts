import type { ErrorEntry } from '../entry.ts';

/** Lockfiles, what is written beside them, and what holds versions in them. */
export const lockfileCodes = {
  E_LOCK_MISSING: {
    exit: 2,
    meaning: 'The image has no lockfile yet.',
    remedy: 'Run `lockstep update`, and commit the lockfile.',
  },
  E_LOCK_SYNTAX: {
    exit: 2,
    meaning: 'The lockfile is not a valid Packages index, or the lock of users or groups not one in passwd(5)’s form.',
    remedy: 'Restore it from version control, or make it anew with `lockstep update`.',
  },
  E_PROVENANCE_SYNTAX: {
    exit: 2,
    meaning: 'The record of where the packages of a lockfile came from, `<image>.provenance`, cannot be read.',
    remedy: 'Restore it from version control, or make it anew with `lockstep update`.',
  },
  E_SUITE_ROLLBACK: {
    exit: 1,
    meaning:
      'A suite is older than the one that the lockfile was made from: a mirror that lags behind, or somebody who ' +
      'replays an old state, signed as it was, to keep known holes open.',
    remedy:
      'Use another mirror, or try again later. `lockstep update --allow-suite-rollback SUITE` takes the older state on ' +
      'your word, and with it any hole that was closed since.',
  },
  E_LOCK_WRITE: {
    exit: 1,
    meaning: 'The lockfile could not be written; it is as it was.',
    remedy: 'Look at the owner and the mode of the file and of its directory.',
  },
  E_LOCK_OUTDATED: {
    exit: 1,
    meaning:
      '`lockstep update --check` found that the archive now has other packages than the lockfile pins, or that the record of where they come from is not beside it.',
    remedy: 'Run `lockstep update`, try the result, and commit the lockfile with its record.',
  },
  E_PIN_EXPIRED: {
    exit: 2,
    meaning:
      '`lockstep update --check` found a pin in lockstep.yml whose last day is over: somebody wanted it to be questioned now.',
    remedy: 'Take the pin out of lockstep.yml, or, if its reason still holds, give it another day in `expires:`.',
  },
  E_LOCK_STALE: {
    exit: 2,
    meaning: 'The lockfile was made for another configuration than lockstep.yml now holds.',
    remedy: 'Run `lockstep update`, review the changes with `lockstep diff`, and commit the lockfile.',
  },
} satisfies Record<string, ErrorEntry>;
