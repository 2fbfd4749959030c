/** The exit codes of every verb: 1 could not do it, 2 wrong usage or configuration, 3 tests failed on a device. */
export type FailureExit = 1 | 2 | 3;

/** What `lockstep explain CODE` prints, and the exit code that the agent ends with. */
export interface ErrorEntry {
  exit: FailureExit;
  /** What it means, in a sentence or two. */
  meaning: string;
  /** What to do, in a sentence or two. */
  remedy: string;
}

const entries = {
  E_USAGE: {
    exit: 2,
    meaning: 'The command line is wrong: an unknown verb or flag, or a missing argument.',
    remedy: 'Run `lockstep --help` or `lockstep VERB --help`.',
  },
  E_CONFIG_MISSING: {
    exit: 2,
    meaning: 'There is no lockstep.yml in the directory that lockstep was told to work in.',
    remedy: 'Change to the directory that has it, name it with `-C DIR`, or write one with `lockstep init`.',
  },
  E_CONFIG_SYNTAX: {
    exit: 2,
    meaning: 'lockstep.yml is not valid YAML.',
    remedy: 'Look at the line named; indentation by spaces and unclosed quotes are the usual causes.',
  },
  E_CONFIG_KEY: {
    exit: 2,
    meaning: 'lockstep.yml has a key that lockstep does not know, or lacks one that it needs.',
    remedy: 'Correct the key at the line named; `lockstep init --schema` prints the JSON Schema for editors.',
  },
  E_CONFIG_VALUE: {
    exit: 2,
    meaning: 'A value in lockstep.yml is of the wrong kind, or names something that does not exist.',
    remedy: 'Correct the value at the line named.',
  },
  E_NO_SUCH_IMAGE: {
    exit: 2,
    meaning: 'An image was named that lockstep.yml does not define.',
    remedy: 'Use one of the names under `images:`.',
  },
  E_NO_SUCH_DEVICE: {
    exit: 2,
    meaning: 'A device or label was named that lockstep.yml does not define.',
    remedy: 'Use one of the names or labels under `devices:`.',
  },
  E_TESTS_MISSING: {
    exit: 2,
    meaning: 'The directory of device tests is missing or holds no executable file.',
    remedy: 'Create the directory that `tests.dir` names and `chmod +x` the tests in it.',
  },
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
  E_LOCK_WRITE: {
    exit: 1,
    meaning: 'The lockfile could not be written; it is as it was.',
    remedy: 'Look at the owner and the mode of the file and of its directory.',
  },
  E_LOCK_OUTDATED: {
    exit: 1,
    meaning: '`lockstep update --check` found that the archive now has other packages than the lockfile pins.',
    remedy: 'Run `lockstep update`, try the result, and commit the lockfile.',
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
  E_DISK_FULL: {
    exit: 1,
    meaning: 'A disk is full.',
    remedy: 'Free space where the message says; the next run goes on from what was finished.',
  },
  E_TOOLBOX_NONE: {
    exit: 1,
    meaning: 'There is neither a Docker engine that answers nor root with the needed tools on this machine.',
    remedy: 'Start Docker and give this user its socket, or run as root with the tools that `lockstep doctor` lists.',
  },
  E_TOOLBOX_TOOL: {
    exit: 1,
    meaning: 'The host toolbox lacks a program.',
    remedy: 'Install the package that the message names, or use `--toolbox docker`.',
  },
  E_TOOLBOX_ENGINE: {
    exit: 1,
    meaning: 'The Docker engine refused or broke off what lockstep asked of it.',
    remedy: 'Look at the engine’s message; `lockstep doctor` checks the engine.',
  },
  E_TOOLBOX_MOUNT: {
    exit: 1,
    meaning:
      'The builder container does not see the project directory: the engine runs on another machine or in a container.',
    remedy:
      'Use an engine that shares this file system, mount the workspace at the same path, or use `--toolbox host`.',
  },
  E_TOOLBOX_BUILDER: {
    exit: 1,
    meaning: 'The builder image could not be made.',
    remedy: 'Where no container registry answers, install `mmdebstrap` on this machine so that it can be bootstrapped.',
  },
  E_TOOLBOX_OWNER: {
    exit: 1,
    meaning:
      'The project’s repository was made by another user: its files carry owners that this one cannot read or give.',
    remedy: 'Build as who made it, or remove `.lockstep`, as who made it: everything in it is made anew.',
  },
  E_BINFMT: {
    exit: 1,
    meaning: 'This kernel cannot run programs of the image’s architecture: binfmt_misc has no entry for it.',
    remedy:
      'Install `qemu-user-static` and `binfmt-support` on the machine that runs the engine; see `lockstep doctor`.',
  },
  E_EMULATION: {
    exit: 1,
    meaning: 'The way of emulation that `--emulation` names is not to be had on this machine.',
    remedy: 'Leave the option out: the best way that works is then taken, and all ways give the same image.',
  },
  E_TOOL_FAILED: {
    exit: 1,
    meaning: 'A program in the toolbox failed.',
    remedy: 'Read its last lines in the message.',
  },
  E_INTERRUPTED: {
    exit: 1,
    meaning: 'The run was interrupted; what it had started was stopped and taken away.',
    remedy: 'Run it again: it goes on from what was finished.',
  },
  E_BUSY: {
    exit: 1,
    meaning: 'Another lockstep is at work in this project.',
    remedy: 'Wait for it, or stop the process that the message names.',
  },
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
  E_SIGN_KEY: {
    exit: 2,
    meaning: 'The key that `signing:` names is not there, or is not of the kind that it should be.',
    remedy:
      '`signing.key` is a fingerprint of the user’s keyring or a file with one secret key, `signing.publicKey` a file with the public one.',
  },
  E_SIGN_PASSPHRASE: {
    exit: 1,
    meaning: 'The passphrase of the signing key is wrong or missing.',
    remedy: 'Name it with `signing.passphraseFile` or `signing.passphraseEnv`, or load the key into gpg-agent.',
  },
  E_SIGN_EXPIRED: {
    exit: 1,
    meaning: 'The signing key has expired, is revoked or disabled: devices would refuse what it signs.',
    remedy: 'Extend it and export both keys anew, or sign with another key that the devices know.',
  },
  E_SIGN_AGENT: {
    exit: 1,
    meaning: 'The signing key is in gpg-agent’s care, and gpg-agent does not answer.',
    remedy: 'Start the agent, forward its socket to this machine, or name a key file.',
  },
  E_SIGN_GPG: {
    exit: 1,
    meaning: 'gpg or gpgv is not on this machine, or failed for a reason that lockstep does not know.',
    remedy: 'Install the package that the message names, read gpg’s last lines, or build with `--no-sign`.',
  },
  E_SIGN_VERIFY: {
    exit: 1,
    meaning:
      'A signature was made, but the public key of `signing.publicKey` does not prove it: devices would refuse it.',
    remedy: 'Export the public key that belongs to `signing.key` into that file.',
  },
  E_SIGN_REFUSED: {
    exit: 1,
    meaning: 'The image that a device runs demands signatures, and the commit has none that it accepts.',
    remedy: 'Sign with a key that the image on the device carries; build without `--no-sign`.',
  },
  E_SSH_HOST_KEY: {
    exit: 1,
    meaning:
      'The device showed another host key than the one that is pinned or in known_hosts, or one that is revoked: it was reinstalled, or it is another machine.',
    remedy: 'Find out which; only then correct `hostKey:`, or the line of known_hosts.',
  },
  E_SSH_HOST_KEY_UNKNOWN: {
    exit: 1,
    meaning:
      'Nobody has said yet which host key the device has: lockstep.yml pins none, and known_hosts has none of it.',
    remedy:
      'Read the fingerprint on the device itself, and write it into lockstep.yml as `hostKey:`; `lockstep devices adopt` does it.',
  },
  E_SSH_CONFIG: {
    exit: 2,
    meaning: 'The OpenSSH client’s configuration says how the device is reached, and cannot be used.',
    remedy: '`ssh -G HOST` tells what ssh objects to; `proxyJump:` needs the OpenSSH client on this machine.',
  },
  E_SSH_UNREACHABLE: {
    exit: 1,
    meaning: 'The device does not answer.',
    remedy: 'Check power, network, and `host:` and `port:` of the device.',
  },
  E_SSH_AUTH: {
    exit: 1,
    meaning: 'The device refused every key that was offered.',
    remedy: 'Put a public key into the device’s authorized_keys, or name another with `identity:`.',
  },
  E_SSH_CUT: {
    exit: 1,
    meaning: 'The connection to the device broke.',
    remedy: 'Run it again: what arrived on the device is kept.',
  },
  E_DEVICE_PREPARE: {
    exit: 1,
    meaning: 'The device lacks something that a deployment needs.',
    remedy: 'Mend what the message names.',
  },
  E_PUSH_STALLED: {
    exit: 1,
    meaning:
      'A transfer to a device came to a standstill: for a long time not a byte moved. A slow one is left to go on.',
    remedy:
      'Look at the network, and at the load and the disk of the device. Push again: what arrived is not sent again.',
  },
  E_DEVICE_COMMAND: {
    exit: 1,
    meaning: 'A command on the device failed.',
    remedy: 'Read its last lines in the message.',
  },
  E_DEVICE_DOWN: {
    exit: 1,
    meaning: 'The virtual device is not running.',
    remedy: 'Start it with `lockstep devices up NAME`.',
  },
  E_DEVICE_LOCKED: {
    exit: 1,
    meaning: 'Another deployment to the same device is going on; the message says whose, and for how long.',
    remedy: 'Wait for it with `--wait-lock 10m`. The lock goes with the connection of its owner.',
  },
  E_DEVICE_BOOT: {
    exit: 1,
    meaning: 'The virtual device did not come up in time.',
    remedy: 'Read its console in `.lockstep/devices/NAME/console.log`.',
  },
  E_POWER: {
    exit: 1,
    meaning: 'The power of a device could not be switched: its command failed or did not end in time.',
    remedy: 'Read the command’s last lines in the message; `lockstep devices power cycle NAME` tries it.',
  },
  E_POWER_MISSING: {
    exit: 2,
    meaning: 'lockstep.yml does not say how the power of the device is switched.',
    remedy: 'Give the device `power: {on: …, off: …}` or `power: {cycle: …}`.',
  },
  E_NO_SUCH_SNAPSHOT: {
    exit: 1,
    meaning: 'The virtual device has no whole snapshot of this name.',
    remedy: 'Take one with `lockstep devices snapshot NAME TAG`, or name another.',
  },
  E_DEPLOY: {
    exit: 1,
    meaning: 'At least one device does not run the commit that was deployed; its verdict says how it ended.',
    remedy: 'Read the verdict, the journal and the console in `.lockstep/run/devices/NAME/`.',
  },
  E_TESTS_FAILED: {
    exit: 3,
    meaning: 'Tests failed on a device.',
    remedy: 'Read the report in `.lockstep/run/`.',
  },
  E_RESULT: {
    exit: 2,
    meaning: 'There are no results of a run, or they cannot be read.',
    remedy: 'Run `lockstep run` or `lockstep test`; each writes its results anew.',
  },
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

export type ErrorCode = keyof typeof entries;

export const catalogue: Record<ErrorCode, ErrorEntry> = entries;
