import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { kargsFile, parseKargs } from '../../image/kargs.ts';
import { bootScriptImage, counterArgument } from '../../image/trial/boot-script.ts';
import { idleSector, markerSector } from '../../image/trial/counter-sectors.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { DeviceFiles } from './files.ts';
import {
  counterPath,
  counterSector as counterStart,
  partitionTable,
  rootBlocks,
  rootSector,
  sectorSize,
} from './layout.ts';

export interface DiskSpec {
  /** The build repository. */
  repo: string;
  /** Checksum of the commit that the disk boots. */
  commit: string;
  /** MiB */
  size: number;
}

/** The one stateroot of a virtual device. */
const stateroot = 'lockstep';

// panic= and rd.* make a boot that fails start again, so that it is counted.
const machineArguments = [
  'root=LABEL=root',
  'rw',
  'console=ttyAMA0',
  'net.ifnames=0',
  'panic=5',
  'rd.shell=0',
  'rd.emergency=reboot',
  `${counterArgument}=${counterPath}`,
];

// The sysroot is written by ostree itself; keys are laid into it (files newly made: what was checked out may share its
// data with the build repository); then mkfs copies it, so that no loop device and no mount is needed.
const script = `
repo=$1 commit=$2 dir=$3 keys=$4 disk=$5 offset=$6 blocks=$7 size=$8
shift 8
# Otherwise the deployment's directory gets the immutable flag, and can neither be written to nor taken away.
export OSTREE_SYSROOT_DEBUG=mutable-deployments
sysroot=$dir/sysroot
trap 'rm -rf "$dir"' EXIT
# A run that was killed leaves its sysroot.
rm -rf "$dir"
mkdir -p "$sysroot"
ostree admin init-fs --modern "$sysroot"
ostree admin --sysroot="$sysroot" os-init ${stateroot}
ostree --repo="$sysroot/ostree/repo" config set sysroot.bootloader uboot
mkdir "$sysroot/boot/loader.0"
ln -s loader.0 "$sysroot/boot/loader"
# ostree takes the boot loader for U-Boot only when this file exists.
: > "$sysroot/boot/loader/uEnv.txt"
ln -s . "$sysroot/boot/boot"
cp "$keys/boot.scr" "$sysroot/boot/boot.scr"

ostree --repo="$sysroot/ostree/repo" pull-local --disable-fsync "$repo" "$commit"
ostree admin deploy --sysroot="$sysroot" --os=${stateroot} "$@" "$commit"
ostree --repo="$sysroot/ostree/repo" refs --force --create=lockstep/pushed "$commit"

deployed=$(echo "$sysroot/ostree/deploy/${stateroot}/deploy/$commit".*/)
mkdir -p "$deployed/etc/ssh"
rm -f "$deployed/etc/ssh/ssh_host_ed25519_key" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"
install -m 600 "$keys/host_ed25519" "$deployed/etc/ssh/ssh_host_ed25519_key"
install -m 644 "$keys/host_ed25519.pub" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"
home=$sysroot/ostree/deploy/${stateroot}/var/roothome
mkdir -p "$home/.ssh"
chmod 700 "$home" "$home/.ssh"
install -m 600 "$keys/id_ed25519.pub" "$home/.ssh/authorized_keys"
chown -R 0:0 "$home" "$deployed/etc/ssh/ssh_host_ed25519_key" "$deployed/etc/ssh/ssh_host_ed25519_key.pub"

rm -f "$disk"
truncate -s "$size"M "$disk"
sfdisk --quiet "$disk" < "$keys/partitions"
dd if="$keys/counter" of="$disk" bs=512 seek=${counterStart} conv=notrunc status=none
mkfs.ext4 -q -F -L root -b 4096 -O ^orphan_file,^metadata_csum_seed -E offset="$offset" -d "$sysroot" "$disk" "$blocks"`;

/**
 * Makes the disk of a virtual device: a sysroot with one deployment of the commit, U-Boot's script, the key that lockstep
 * logs in with and the host key that it expects. Replaces the old disk only when the new one is whole.
 */
export async function makeDisk(toolbox: Toolbox, files: DeviceFiles, spec: DiskSpec): Promise<void> {
  const parts = path.join(files.scratch, 'parts');
  const temporary = path.join(files.dir, 'disk.img.tmp');
  await mkdir(parts, { recursive: true });
  try {
    await writeParts(parts, files);
    const kargs = [...machineArguments, ...(await kargsOf(toolbox, spec))].map(
      (argument) => `--karg-append=${argument}`,
    );
    const place = [String(rootSector * sectorSize), String(rootBlocks(spec.size)), String(spec.size)];
    const scratch = path.join(files.scratch, 'build');
    const args = [spec.repo, spec.commit, scratch, parts, temporary, ...place, ...kargs];
    await toolbox.run(['sh', '-euc', script, 'sh', ...args], { timeoutMs: 600_000 });
    await rename(temporary, files.disk);
  } finally {
    // What a killed script left belongs to root and goes with the next one.
    await rm(files.scratch, { recursive: true, force: true }).catch(() => {});
    await rm(temporary, { force: true });
  }
}

/** What the image wants: ostree itself does not look for it. */
async function kargsOf(toolbox: Toolbox, { repo, commit }: DiskSpec): Promise<string[]> {
  const argv = ['ostree', `--repo=${repo}`, 'cat', commit, `/${kargsFile}`];
  const { exitCode, stdout } = await toolbox.run(argv, { check: false });
  return parseKargs(exitCode === 0 ? stdout : null);
}

async function writeParts(parts: string, files: DeviceFiles): Promise<void> {
  for (const key of [files.identity, files.hostKey]) {
    await copyFile(`${key}.pub`, path.join(parts, path.basename(`${key}.pub`)));
  }
  const privateHostKey = path.join(parts, path.basename(files.hostKey));
  await copyFile(files.hostKey, privateHostKey);
  await chmod(privateHostKey, 0o600);
  await writeFile(path.join(parts, 'boot.scr'), bootScriptImage());
  await writeFile(path.join(parts, 'partitions'), partitionTable);
  await writeFile(path.join(parts, 'counter'), Buffer.concat([idleSector(), markerSector()]));
}
