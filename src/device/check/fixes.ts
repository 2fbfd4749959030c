import { idleSector, markerSector } from '../../image/trial/counter-sectors.ts';
import type { Session } from '../ssh/session.ts';
import type { Fix } from './finding.ts';

/** Runs one of these scripts; each leaves the device as it was when it fails. */
function byScript(says: string, script: string, args: string[] = [], input?: Buffer): Fix {
  return {
    says,
    async mend(session: Session) {
      await session.script(script, { args, input, timeoutMs: 300_000 });
    },
  };
}

/** The old one stays beside it, for U-Boot's prompt. */
export const replaceBootScript = byScript(
  'replaces /boot/boot.scr by that of the running image; the old one is /boot/boot.scr.old',
  `cp /boot/boot.scr /boot/boot.scr.old
cp /usr/lib/lockstep/boot/boot.scr /boot/boot.scr.new
sync -f /boot/boot.scr.new
mv /boot/boot.scr.new /boot/boot.scr
sync -f /boot/boot.scr`,
);

/** Only where nothing else lies. */
export function markCounter(path: string): Fix {
  return byScript(
    `writes the empty boot counter and its mark into the first KiB of ${path}`,
    'dd of="$1" bs=1024 count=1 iflag=fullblock conv=notrunc,fsync status=none',
    [path],
    Buffer.concat([idleSector(), markerSector()]),
  );
}

export const cleanUp = byScript('removes what no deployment needs (`ostree admin cleanup`)', 'ostree admin cleanup');

/** As the image has it: /etc lost it. */
export const restoreRemote = byScript(
  'puts the remote that the image demands back into /etc/ostree/remotes.d',
  `read -r remote </usr/share/lockstep/remote
cp -n "/usr/etc/ostree/remotes.d/$remote.conf" /etc/ostree/remotes.d/`,
);

/** The first value that sshd reads counts; Debian's sshd_config reads this directory first. */
export const allowForwarding = byScript(
  'writes `AllowTcpForwarding` into /etc/ssh/sshd_config.d/00-lockstep.conf and reloads sshd',
  `file=/etc/ssh/sshd_config.d/00-lockstep.conf
sshd=$(command -v sshd || echo /usr/sbin/sshd)
fail() { echo "$1" >&2; exit 1; }
[ ! -e $file ] || fail "$file is there already"
grep -Eiq '^[[:space:]]*Include[[:space:]]+/etc/ssh/sshd_config\\.d/\\*\\.conf' /etc/ssh/sshd_config ||
  fail '/etc/ssh/sshd_config does not include sshd_config.d: set AllowTcpForwarding there'
now=$($sshd -T | sed -n 's/^allowtcpforwarding //p')
case $now in
no) new=remote ;;
local) new=yes ;;
*) fail "sshd has AllowTcpForwarding $now, and forbids it elsewhere: DisableForwarding, Match or authorized_keys" ;;
esac
echo "AllowTcpForwarding $new" >$file
$sshd -t || { rm -f $file; fail 'sshd refused the new setting'; }
systemctl reload ssh.service 2>/dev/null || systemctl reload sshd.service || { rm -f $file; fail 'sshd was not reloaded'; }`,
);
