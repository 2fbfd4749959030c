import path from 'node:path';
import { Option } from 'commander';
import { configName } from '../config/load.ts';
import { architectures } from '../config/types.ts';
import type { InitProjectOptions } from './init/init-project.ts';
import { placeFiles } from './init/place-files.ts';
import { ok, type Verb } from './verb.ts';

interface InitOptions extends InitProjectOptions {
  schema?: boolean;
}

/**
 * `lockstep init`: a commented lockstep.yml; `--from-…`: lockstep.yml and lockfile of what another tool or a device has;
 * `--schema`: the JSON Schema that editors check it with.
 */
export const init: Verb<InitOptions> = {
  name: 'init',
  summary: 'write a lockstep.yml to start from, or one of what another tool or a device has',
  declare: (command) =>
    void command
      .option('--from-multistrap <file>', 'write lockstep.yml and lockfile of a multistrap.conf')
      .option('--from-packages <file>', 'the same of a list of packages; - is the standard input')
      .option('--from-device <address>', 'the same of a device, [USER@]HOST[:PORT], and enter the device')
      .option('--host-key <fingerprint>', 'of the device: SHA256:…')
      .addOption(
        new Option('--arch <arch>', 'architecture, where none is said (default: armhf)').choices(architectures),
      )
      .option('--suite <suite...>', 'suites, in place of those that are said')
      .option('--without-suite <suite...>', 'resolve without this suite, and say so in the lockfile')
      .option('--no-lock', 'write lockstep.yml alone')
      .option('--force', 'overwrite files that are there')
      .option('--schema', 'print the JSON Schema of lockstep.yml instead'),
  async run(context, options) {
    if (options.schema === true) {
      const { jsonSchema } = await import('../config/schema.ts');
      const value = jsonSchema();
      return ok(JSON.stringify(value, null, 2), { schema: value });
    }
    const { fromMultistrap, fromPackages, fromDevice, force = false } = options;
    if ([fromMultistrap, fromPackages, fromDevice].some((from) => from !== undefined)) {
      const { initProject } = await import('./init/init-project.ts');
      return initProject(context, options);
    }
    const file = path.join(context.dir, configName);
    await placeFiles([{ file, content: startingPoint }], { force });
    return ok(`wrote ${file}; next: \`lockstep update\`, then \`lockstep build\``, { file });
  },
};

/** The parser of the configuration accepts it as it is: a test holds that. */
export const startingPoint = `# What lockstep builds and where it deploys it.
# For editors: \`lockstep init --schema > lockstep.schema.json\`

images:
  panel:
    arch: armhf
    # Suites are taken together; leave the security suite in.
    suites: [bookworm, bookworm-updates, bookworm-security]
    # What you want; lockstep finds what it depends on, and pins all of it in panel.lock.
    packages:
      - systemd-sysv
      - dbus
      - openssh-server
      - ostree
      - ostree-boot
      - linux-image-armmp
      - dracut
    # Debs of your own, below this directory.
    # debs: [dist/*.deb]
    # Directories and tars laid over the image, last wins; scripts that run inside it (docs/customising.md).
    # overlay: [overlay/]
    # run: {configured: [scripts/users]}
    # timezone: Europe/Berlin
    # Kernel arguments that deployments get, beside those of the device.
    # kargs: [quiet]
    # Another archive than the one that apt is set up with.
    # mirror: URL
    # Further archives, for debs that the first no longer has (docs/lockfiles.md).
    # archives: [URL, /srv/debs]
    # A package held back, with the reason.
    # pins: [{package: openssl, version: 3.0.*, reason: "3.1 breaks the updater", expires: 2027-01-31}]

# Imported debs that several build machines share (docs/cache.md).
# cache: {remote: /mnt/lockstep-cache, push: true}

# Commits signed by a key of yours, and images that take nothing else (docs/signing.md).
# signing: {key: FINGERPRINT, publicKey: keys/release.asc, remote: {}}

devices:
  # An ARMv7 machine in QEMU with U-Boot: \`lockstep devices up virt-1\`
  virt-1: {virtual: true, image: panel}
  # A board on the bench; the fingerprint is what \`ssh-keygen -lf\` prints of its host key.
  # bench-1: {host: panel-7.lab, user: root, hostKey: "SHA256:...", labels: [armv7]}

# Executables that run on the device: exit 0 passes, 77 skips, anything else fails.
tests: {dir: tests/device, timeout: 5m}
`;
