/** The debian architectures that lockstep builds for. */
export const architectures = ['armhf', 'arm64', 'amd64'] as const;
export type Architecture = (typeof architectures)[number];

/** One entry under `images:`. */
export interface ImageConfig {
  name: string;
  arch: Architecture;
  suites: string[];
  packages: string[];
  /** Components of the suites. */
  components: string[];
  /** Further repositories. */
  sources: SourceConfig[];
  /** What the image has beside its packages: what the archive calls essential, or these. */
  base: 'essential' | string[];
  /** Whether recommended packages come along. */
  recommends: boolean;
  /** Packages never to be taken. */
  exclude: string[];
  /** Patterns of local debs, relative to the directory of lockstep.yml. */
  debs: string[];
  /** Laid over the image, last wins. */
  overlay: OverlayConfig[];
  run: RunConfig;
  /** Base URL of the archive; null: what the toolbox's own apt uses. */
  mirror: string | null;
  /** Absolute path of the OpenPGP keys that may sign its suites; without it those of the distribution. */
  keyring?: string | null;
  /** Further base URLs and absolute paths where its debs may be, asked after the archive in this order. */
  archives: string[];
  /** Version written into the commit and os-release; null: the first 12 digits of the lockfile's digest. */
  version: string | null;
  /** Kernel arguments that deployments of the image get, beside those that the device has of its own. */
  kargs: string[];
  /** null: as the packages leave it. */
  locale: string | null;
  timezone: string | null;
  hostname: string | null;
  pins: PinConfig[];
  /** How old a version must be before an update takes it, unless a security suite has it; in milliseconds. */
  minimumAge: number;
  /** Absolute path of the lockfile, `<name>.lock` beside lockstep.yml unless the image names another there. */
  lockfile: string;
  /** Whether lockstep.yml names it: such a file may be another tool's, which does not say what it was made for. */
  namedLockfile?: boolean;
  /** Absolute paths of the locks of its users and groups, `<name>.passwd` and `<name>.group` beside the lockfile. */
  passwd: string;
  group: string;
}

/** A repository beside the image's own archive. */
export interface SourceConfig {
  /** Base URL without a slash at its end. */
  url: string;
  suites: string[];
  components: string[];
  /** Absolute path of an OpenPGP keyring, armored or not. */
  keyring: string;
  /** apt_preferences(5); null: as any suite. */
  priority: number | null;
}

/** One layer of an overlay: files here, or a tree that an ostree repository has. */
export type OverlayConfig = OverlayFiles | OverlayRef;

export interface OverlayFiles {
  /** Absolute path of a directory or tar. */
  path: string;
  /** Absolute path of an mtree(5) file with owners and modes; null: root's, as tars have them. */
  manifest: string | null;
}

export interface OverlayRef {
  ref: string;
  /** Absolute path; null: the build repository. */
  repo: string | null;
}

/** The points at which scripts run inside the image, in their order. */
export const runPoints = ['unpacked', 'configured', 'finalized'] as const;
export type RunPoint = (typeof runPoints)[number];

/** Absolute paths of scripts. */
export type RunConfig = Record<RunPoint, string[]>;

export interface PinConfig {
  package: string;
  version: string;
  reason: string;
  /** ISO date. */
  expires: string | null;
}

/** A whole OpenPGP fingerprint: shorter ones can be forged. */
export const fingerprintForm = /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/i;

/** An ostree repository that build repositories share: the refs of debs are pulled from it. */
export interface CacheConfig {
  /** http(s) URL without a slash at its end, or an absolute path. */
  remote: string;
  /** Whether what is imported is put there; it is a path then. */
  push: boolean;
}

/** How commits are signed, and what their images demand of later ones. */
export interface SigningConfig {
  /** Fingerprint of a secret key of this user, in upper case; or a file that holds one; or `$NAME` of a variable with either. */
  key: string;
  /** Absolute path of the OpenPGP public key, armored or not. */
  publicKey: string;
  /** File, or `$NAME` of a variable that names it, whose first line is the passphrase. */
  passphraseFile: string | null;
  /** Name of the variable that holds the passphrase. */
  passphraseEnv: string | null;
  /** Of the remote that the image carries, with the public key; null: it carries none. */
  remote: RemoteConfig | null;
}

/** An ostree remote that takes nothing without a signature. */
export interface RemoteConfig {
  /** null: the image's name. */
  name: string | null;
  /** Where the device's own `ostree admin upgrade` looks; null: nowhere. */
  url: string | null;
}

export type DeviceConfig = RealDevice | VirtualDevice;

interface AnyDevice {
  name: string;
  labels: string[];
  /** Name of the image that it runs: the only image when not given. */
  image: string;
}

export interface RealDevice extends AnyDevice {
  virtual: false;
  /** Name, address, or `Host` of ~/.ssh/config. */
  host: string;
  /** null, here and below: as ~/.ssh/config says. */
  port: number | null;
  user: string | null;
  /** `SHA256:…` fingerprint as `ssh-keygen -l` prints it; null: one that known_hosts holds. */
  hostKey: string | null;
  /** Absolute path of a private key. */
  identity: string | null;
  /** `user@host:port,…` as OpenSSH has it, or `none`. */
  proxyJump: string | null;
  /** How its power is switched; absent: by hand. */
  power?: PowerConfig;
}

/** Commands that run on the agent's machine, through sh, in the directory of lockstep.yml. */
export interface PowerConfig extends PowerPolicy {
  on: string | null;
  off: string | null;
  /** null: `off`, a pause, `on`. */
  cycle: string | null;
  /** For each command. */
  timeoutMs: number;
  /** Between `off` and `on` of a cycle. */
  pauseMs: number;
}

export interface PowerPolicy {
  /** A deployment whose device never returns cycles its power, as a last resort. */
  afterSilence: boolean;
}

/** An ARMv7 machine in QEMU with U-Boot. */
export interface VirtualDevice extends AnyDevice {
  virtual: true;
  /** MiB */
  memory: number;
  /** MiB */
  disk: number;
  /** The switch itself is built in. */
  power?: PowerPolicy;
}

export interface TestsConfig {
  /** Absolute path. */
  dir: string;
  /** For each test, in milliseconds. */
  timeoutMs: number;
}

export interface RefreshConfig {
  branch: string;
  /** The branch that a refresh starts from and is proposed to. */
  base: string;
  remote: string;
  /** `run`: build, deploy and test here; a job: trigger it and follow it; null: no gate. */
  gate: 'run' | { jenkins: string; job: string } | null;
}

/** lockstep.yml, checked, with defaults filled in and paths made absolute. */
export interface Config {
  /** Absolute path of lockstep.yml. */
  file: string;
  /** The directory that holds it. */
  root: string;
  images: ImageConfig[];
  devices: DeviceConfig[];
  tests: TestsConfig;
  refresh: RefreshConfig;
  /** null: commits are not signed. */
  signing: SigningConfig | null;
  /** null: every deb comes from an archive. */
  cache: CacheConfig | null;
}
