import type { ErrorEntry } from '../entry.ts';

/** The unattended refresh of lockfiles: git and Jenkins. */
export const refreshCodes = {
  E_GIT: {
    exit: 1,
    meaning: 'git failed.',
    remedy: 'Read its last lines in the message.',
  },
  E_REFRESH_DIRTY: {
    exit: 1,
    meaning: 'The work tree holds changes that are not the refresh’s own, so nothing was committed.',
    remedy: 'Run the refresh in a clean checkout.',
  },
  E_REFRESH_RACE: {
    exit: 1,
    meaning: 'Somebody pushed while the refresh was at work.',
    remedy: 'Nothing was overwritten; the next refresh starts from the new state.',
  },
  E_JENKINS_UNREACHABLE: {
    exit: 1,
    meaning: 'The Jenkins controller does not answer or refused the credentials.',
    remedy: 'Check the URL and the API token.',
  },
  E_JENKINS_BUILD: {
    exit: 1,
    meaning: 'The Jenkins build that was triggered did not succeed, or did not end in time.',
    remedy: 'Follow the address in the message.',
  },
} satisfies Record<string, ErrorEntry>;
