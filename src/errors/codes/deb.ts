import type { ErrorEntry } from '../entry.ts';

/** Debs on their way into the build repository. */
export const debCodes = {
  E_FETCH_UNREACHABLE: {
    exit: 1,
    meaning: 'A deb could not be downloaded, in several attempts.',
    remedy: 'Check the network, the proxy and the mirror; what was imported stays, the next build goes on from there.',
  },
  E_TREE_RECORD: {
    exit: 1,
    meaning:
      'The record of imported debs beside the lockfile (IMAGE.trees) names other commits than those that the debs are imported to.',
    remedy:
      'Look who wrote the lines, and from which build repository: that one, or the cache it used, is not to be trusted. A build writes removed lines anew.',
  },
  E_FETCH_GONE: {
    exit: 1,
    meaning: 'A deb that the lockfile pins is no longer at any of the addresses, which the message names.',
    remedy:
      'Name an archive that still has it with `archives:` in the image, or run `lockstep update` to pin what there is now.',
  },
  E_DEB_CHECKSUM: {
    exit: 1,
    meaning: 'A deb is not the one that the lockfile pins: size or sha256 differ. It was not imported.',
    remedy: 'The mirror is broken or hostile: use another one. Nothing of this deb was kept.',
  },
  E_DEB_FORMAT: {
    exit: 1,
    meaning:
      'A deb cannot be read: it is not an ar archive, lacks a member, holds a damaged tar or compression, or something that ' +
      'no image can hold: devices, ACLs, names with line breaks or other than UTF-8.',
    remedy: 'Look at the package named; a deb of your own must be made with dpkg-deb, devices by udev or tmpfiles.d.',
  },
  E_DEB_HOSTILE: {
    exit: 1,
    meaning:
      'A deb holds a path that would lie outside the image, or that is made to deceive: through a link, or twice.',
    remedy: 'Do not use this deb.',
  },
  E_DEB_LOCAL: {
    exit: 2,
    meaning: 'A deb of the project’s own (`debs:` of the image) is missing, cannot be used, or is not the pinned one.',
    remedy: 'Build the deb; when it is meant to be another one than before, run `lockstep update`.',
  },
} satisfies Record<string, ErrorEntry>;
