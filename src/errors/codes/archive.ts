import type { ErrorEntry } from '../entry.ts';

/** The package archive, as apt found it. */
export const archiveCodes = {
  E_APT_UNREACHABLE: {
    exit: 1,
    meaning: 'The package archive could not be reached.',
    remedy: 'Check the network, the proxy and the `mirror:` of the image; the lockfile was not touched.',
  },
  E_APT_SIGNATURE: {
    exit: 1,
    meaning: 'A suite is not signed by a key of the archive keyring, so nothing of it can be trusted.',
    remedy: 'Check the mirror; update `debian-archive-keyring`; do not work around it.',
  },
  E_APT_EXPIRED: {
    exit: 1,
    meaning:
      'A suite says of itself that it is no longer valid: the mirror is stale, or somebody replays an old state.',
    remedy:
      'Check the clock of this machine, then the mirror. `lockstep update --allow-expired SUITE` takes the suite on your ' +
      'word, and does without what was fixed since.',
  },
  E_APT_INCONSISTENT: {
    exit: 1,
    meaning: 'The mirror serves an index of a suite that is not the one its signed Release names: it is being updated.',
    remedy: 'Try again later, or use another mirror; the lockfile was not touched.',
  },
  E_APT_NO_SUITE: {
    exit: 2,
    meaning: 'The archive has no such suite or component, or not for this architecture.',
    remedy: 'Correct `suites:`, `components:` or `arch:` of the image.',
  },
  E_APT_NO_PACKAGE: {
    exit: 2,
    meaning: 'A package that the image asks for exists in none of its suites.',
    remedy: 'Check the spelling under `packages:`, and whether the suite that holds it is listed under `suites:`.',
  },
  E_APT_UNSOLVABLE: {
    exit: 1,
    meaning: 'The packages that the image asks for cannot be installed together.',
    remedy: 'Look at the dependencies named; drop a package or a pin, or add the suite that holds what is missing.',
  },
  E_APT_FAILED: {
    exit: 1,
    meaning: 'apt failed for a reason that lockstep does not know.',
    remedy: 'Read the last lines of apt in the message.',
  },
  E_APT_BAD_INDEX: {
    exit: 1,
    meaning:
      'An archive publishes a stanza that cannot be built from: cut short, or naming a path outside the archive.',
    remedy: 'Tell whoever runs the archive, and use another mirror; the lockfile was not touched.',
  },
  E_APT_NOT_ARCHIVE: {
    exit: 1,
    meaning:
      'What answers in place of the archive is none: a login page of a network or proxy, an error page, a web site.',
    remedy: 'Open the address in a browser from where apt runs; check the network, the proxy and `mirror:`.',
  },
} satisfies Record<string, ErrorEntry>;
