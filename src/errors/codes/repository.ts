import type { ErrorEntry } from '../entry.ts';

/** The build repository, its commits, and the plans to build them by. */
export const repositoryCodes = {
  E_REPO: {
    exit: 1,
    meaning: 'The ostree repository of the build is damaged or cannot be used.',
    remedy: 'Run `ostree fsck --repo=.lockstep/repo`; the repository can be deleted, the next build makes it anew.',
  },
  E_NOT_BUILT: {
    exit: 2,
    meaning: 'The image has no commit yet.',
    remedy: 'Run `lockstep build` first.',
  },
  E_PLAN: {
    exit: 1,
    meaning: 'A build file written by `lockstep ninja` is older than what the image is made from.',
    remedy: 'Run `lockstep ninja` again; a build.ninja that lockstep wrote does so by itself before it builds.',
  },
  E_FILE_TAKEN: {
    exit: 2,
    meaning: 'A file that lockstep was to write is there already, and lockstep did not write it.',
    remedy: 'Name another file, or move that one away.',
  },
  E_NO_SUCH_COMMIT: {
    exit: 2,
    meaning: 'The build repository has no commit that the name stands for, or several.',
    remedy:
      'Name an image, a ref, a checksum or its first digits, or a version; `ostree refs --repo=.lockstep/repo` lists the refs.',
  },
} satisfies Record<string, ErrorEntry>;
