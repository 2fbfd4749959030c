import type { Verb } from './verb.ts';

export interface VerbEntry {
  summary: string;
  /** Changes the project's `.lockstep`: one at a time. */
  exclusive: boolean;
  /** Loaded when it is the verb at hand, so that a quick one does not wait for what a slow one needs. */
  load(): Promise<Verb>;
}

/** All verbs, in the order of the help page: the order in which a project meets them. */
export const verbs: Record<string, VerbEntry> = {
  init: {
    summary: 'write a lockstep.yml to start from, or one of what another tool or a device has',
    exclusive: false,
    load: async () => (await import('./init.ts')).init as Verb,
  },
  doctor: {
    summary: 'check that this machine has what lockstep needs',
    exclusive: false,
    load: async () => (await import('./doctor.ts')).doctor as Verb,
  },
  update: {
    summary: 'resolve the packages of the images anew and write their lockfiles',
    exclusive: true,
    load: async () => (await import('./update/update.ts')).update as Verb,
  },
  diff: {
    summary: 'show what differs between two lockfiles, a device and its lockfile, or two images',
    exclusive: false,
    load: async () => (await import('./diff/diff.ts')).diff as Verb,
  },
  build: {
    summary: 'build the ostree commits that the lockfiles pin',
    exclusive: true,
    load: async () => (await import('./build.ts')).build as Verb,
  },
  ninja: {
    summary: 'write a build.ninja whose targets are the refs of debs, stages and images',
    exclusive: true,
    load: async () => (await import('./ninja.ts')).ninja as Verb,
  },
  push: {
    summary: 'send the commits to the devices without deploying them',
    exclusive: true,
    load: async () => (await import('./push.ts')).push as Verb,
  },
  deploy: {
    summary: 'send the commits to the devices, reboot into them and prove it',
    exclusive: true,
    load: async () => (await import('./deploy.ts')).deploy as Verb,
  },
  test: {
    summary: 'run the device tests on the devices',
    exclusive: true,
    load: async () => (await import('./test.ts')).test as Verb,
  },
  run: {
    summary: 'build, deploy and test, with one report',
    exclusive: true,
    load: async () => (await import('./run.ts')).run as Verb,
  },
  refresh: {
    summary: 'update on a branch, gate it, push it: the nightly job',
    exclusive: true,
    load: async () => (await import('./refresh.ts')).refresh as Verb,
  },
  report: {
    summary: 'write the HTML report of the last run anew',
    exclusive: true,
    load: async () => (await import('./report.ts')).report as Verb,
  },
  devices: {
    summary: 'list and check devices, switch their power; start and stop virtual ones',
    exclusive: true,
    load: async () => (await import('./devices/devices.ts')).devices as Verb,
  },
  gc: {
    summary: 'remove debs and commits that no lockfile needs any more',
    exclusive: true,
    load: async () => (await import('./gc.ts')).gc as Verb,
  },
  explain: {
    summary: 'tell what an error code means and what to do',
    exclusive: false,
    load: async () => (await import('./explain.ts')).explain as Verb,
  },
};
