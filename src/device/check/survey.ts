import type { Session } from '../ssh/session.ts';

/** What a device says of its fitness for deployments, beside what it runs. */
export interface Survey {
  /** As `ostree --version` says, `2022.7`. */
  ostreeVersion: string | null;
  /** Files of boot loaders that are there, of those in `bootFiles`. */
  bootFiles: string[];
  /** What `ostree config get sysroot.bootloader` says. */
  bootloader: string | null;
  /** Name and SHA-256 of U-Boot's script, and the SHA-256 of the one that the running image carries. */
  bootScript: { name: string; digest: string } | null;
  imageBootScript: string | null;
  /** The first two sectors of the boot counter's partition; null: it is not there. */
  counterSectors: Buffer | null;
  /** KiB that are free, by mount; and how many the largest kernel with its initramfs takes in /boot. */
  free: { boot: number; sysroot: number; oneFileSystem: boolean };
  kernelSize: number;
  /** The remote that the image demands; null: none. */
  remote: { name: string; known: boolean; keys: number } | null;
  watchdog: boolean;
  /** The running image ends trials by itself. */
  trialUnit: boolean;
  systemState: string;
  /** Seconds since 1970 by the device's clock. */
  clock: number;
}

/** Where boot loaders look, and what that makes them: ostree(1), "Bootloader". */
export const bootFiles = {
  'U-Boot, by uEnv.txt': '/boot/loader/uEnv.txt',
  'U-Boot or syslinux, by extlinux.conf': '/boot/extlinux/extlinux.conf',
  GRUB: '/boot/grub/grub.cfg',
  'GRUB 2': '/boot/grub2/grub.cfg',
  'systemd-boot': '/boot/EFI/systemd',
} as const;

// One round trip for all: each costs tenths of a second on a slow board.
const questions = `
say() { printf '\\n@@ %s\\n' "$1"; }
say ostreeVersion; ostree --version | sed -n "s/^ *Version: *'\\{0,1\\}\\([0-9.]*\\).*/\\1/p"
say bootFiles; for file in ${Object.values(bootFiles).join(' ')}; do [ ! -e $file ] || echo $file; done
say bootloader; ostree config --repo=/ostree/repo get sysroot.bootloader 2>/dev/null
say bootScript
if [ -f /boot/boot.scr ]; then
  head -c 64 /boot/boot.scr | tail -c 32 | tr -d '\\0'; echo
  sha256sum </boot/boot.scr
fi
say imageBootScript; [ ! -f /usr/lib/lockstep/boot/boot.scr ] || sha256sum </usr/lib/lockstep/boot/boot.scr
say counterSectors
for word in $(cat /proc/cmdline); do
  case $word in lockstep.counter=*) head -c 1024 "\${word#*=}" 2>/dev/null | base64 -w0 ;; esac
done
say free; df -Pk /boot /sysroot | tail -n 2
say kernelSize; du -sk /boot/ostree/* 2>/dev/null | sort -n | tail -n 1 | cut -f1
say remote
if [ -e /usr/share/lockstep/remote ]; then
  read -r remote </usr/share/lockstep/remote
  echo "$remote"
  ostree --repo=/ostree/repo remote list | grep -qxF "$remote" && echo known
  ostree --repo=/ostree/repo remote gpg-list-keys "$remote" 2>/dev/null | grep -c '^Key:'
fi
say watchdog; [ ! -e /dev/watchdog0 ] || echo yes
say trialUnit; [ ! -x /usr/lib/lockstep/trial ] || systemctl is-enabled lockstep-confirm.service 2>/dev/null
say systemState; systemctl is-system-running
say clock; date +%s
exit 0`;

/** Asks a device for all that the findings are made from. */
export async function survey(session: Session): Promise<Survey> {
  const { stdout } = await session.exec(['sh', '-c', questions], { timeoutMs: 120_000 });
  return readSurvey(stdout);
}

/** Reads the output of the questions; exported for its tests. */
export function readSurvey(text: string): Survey {
  const answers = new Map<string, string>();
  for (const section of text.split('\n@@ ').slice(1)) {
    const end = section.indexOf('\n');
    answers.set(section.slice(0, end), section.slice(end + 1).trim());
  }
  const lines = (name: string) => (answers.get(name) ?? '').split('\n').filter((line) => line !== '');
  const one = (name: string) => lines(name)[0] ?? null;
  const digest = (line: string | undefined | null) => line?.split(' ')[0] ?? null;
  const script = lines('bootScript');
  const sectors = Buffer.from(one('counterSectors') ?? '', 'base64');
  return {
    ostreeVersion: one('ostreeVersion'),
    bootFiles: lines('bootFiles'),
    bootloader: one('bootloader'),
    bootScript: script.length === 0 ? null : { name: script.at(-2) ?? '', digest: digest(script.at(-1)) ?? '' },
    imageBootScript: digest(one('imageBootScript')),
    counterSectors: sectors.length === 1024 ? sectors : null,
    free: freeSpace(lines('free')),
    kernelSize: Number(one('kernelSize') ?? 0),
    remote: remoteOf(lines('remote')),
    watchdog: one('watchdog') === 'yes',
    trialUnit: ['enabled', 'static', 'enabled-runtime', 'alias'].includes(one('trialUnit') ?? ''),
    systemState: one('systemState') ?? '',
    clock: Number(one('clock') ?? 0),
  };
}

function freeSpace([boot = '', sysroot = '']: string[]): Survey['free'] {
  const [bootDevice, , , bootFree] = boot.split(/\s+/);
  const [device, , , free] = sysroot.split(/\s+/);
  return { boot: Number(bootFree), sysroot: Number(free), oneFileSystem: bootDevice === device };
}

function remoteOf([name, ...rest]: string[]): Survey['remote'] {
  if (name === undefined) return null;
  return { name, known: rest.includes('known'), keys: Number(rest.at(-1) ?? 0) || 0 };
}
