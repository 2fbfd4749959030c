import type { ErrorEntry } from '../entry.ts';

/** The making of an image from its packages. */
export const imageCodes = {
  E_CONFIGURE: {
    exit: 1,
    meaning:
      'A package’s maintainer script failed, or did not end, while the image was configured. It runs in the image as root, without network, services or a terminal; questions get their defaults, and it may change nothing outside.',
    remedy:
      'Read the script’s last lines in the message; the package may need another one, or what no image that is being made has. `--script-timeout` gives more time.',
  },
  E_PACKAGE_CONFLICT: {
    exit: 1,
    meaning:
      'Two packages of the image exclude each other by their own word (Conflicts, Breaks), or are one in two versions.',
    remedy:
      'Drop one of them, or pin versions that bear each other; `lockstep update` chooses such versions by itself.',
  },
  E_PACKAGE_ARCHITECTURE: {
    exit: 1,
    meaning: 'A package is built for another architecture than the image’s.',
    remedy: 'Take the package for the architecture of the image, or correct `arch:`.',
  },
  E_DEPENDS_UNMET: {
    exit: 1,
    meaning:
      'A package depends on one that the image does not have, or not in such a version; dpkg would not configure it.',
    remedy: 'Run `lockstep update`, which adds what is missing; a package of your own may ask for too much.',
  },
  E_FILE_CONFLICT: {
    exit: 1,
    meaning: 'Two packages have the same path, and dpkg would unpack the one over the other only if it replaced it.',
    remedy: 'Drop one of the packages. A package of your own needs `Replaces:` for the other, or another path.',
  },
  E_MERGE: {
    exit: 1,
    meaning: 'Two packages cannot be laid over each other: one has a directory where the other has something else.',
    remedy: 'Drop one of the packages.',
  },
  E_OVERLAY: {
    exit: 2,
    meaning: 'An overlay of the image is missing, holds what no image may, or cannot be laid over it.',
    remedy: 'Correct `overlay:` of the image, or the file and entry that the message names.',
  },
  E_RUN: {
    exit: 1,
    meaning: 'A script of the image’s `run:` is missing, or failed inside the image.',
    remedy: 'Read its last lines in the message; it runs in the image as root, without network.',
  },
  E_SETTING: {
    exit: 2,
    meaning: 'The image’s `locale:` or `timezone:` is one that its packages do not have.',
    remedy: 'Add the package that the message names, or correct the setting.',
  },
  E_INITRAMFS: {
    exit: 1,
    meaning: 'The initramfs could not be made.',
    remedy: 'The image needs `dracut` and `ostree-boot` beside the kernel; read dracut’s last lines in the message.',
  },
} satisfies Record<string, ErrorEntry>;
