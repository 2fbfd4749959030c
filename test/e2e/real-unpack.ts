import { unpackFunctions } from '../../src/image/stage-script.ts';
import { resourceText } from '../../src/resources.ts';

/** Nothing of this machine's own configuration of dpkg counts. */
const dpkg = `dpkg --root="$1" --force-architecture --force-depends --force-unsafe-io --no-debsig --log=/dev/null --path-include='*'`;

const start = `
set -euo pipefail
${resourceText('stages/api-filesystems.sh')}
${unpackFunctions()}
# The same for both: users, and a name of the machine.
settle() {
  mount_api_filesystems "$1"
  hostname localhost
  for name in passwd group; do cp "$1/usr/share/base-passwd/$name.master" "$1/etc/$name"; done
}
`;

/** What lockstep does, but for configuring. $1: the root, $2: the repository, $3: the steps; stdin: the conffiles. */
export const unpackByLockstep = `${start}
configure_packages() { :; }
programs_came() { :; }
lay_out_root "$1"
set_conffiles_aside "$1"
settle "$1"
run_unpack_steps "$1" "$2" "$(printf '%s\\n' "$3" | grep -v ^activate)"
`;

/**
 * What dpkg does in a root that has the essential packages' files, as every installer begins: extracted the last one
 * first, so that the first one's directories count, and without their conffiles, which dpkg would find unknown.
 * $1: the root, stdin: the essential debs in their order, an empty line, all debs in their order.
 */
export const unpackByDpkg = `${start}
mapfile -t lines
essential=() all=() rest=no
for line in "\${lines[@]}"; do
  if [ "$line" = "" ]; then rest=yes; elif [ $rest = no ]; then essential+=("$line"); else all+=("$line"); fi
done
mkdir -p "$1"/usr/{bin,sbin,lib} "$1"/var/lib/dpkg/{info,updates}
lay_out_root "$1"
: >"$1/var/lib/dpkg/status"
for ((at = \${#essential[@]} - 1; at >= 0; at--)); do
  dpkg-deb --fsys-tarfile "\${essential[at]}" | tar -x -p --numeric-owner --keep-directory-symlink -C "$1"
  { dpkg-deb -I "\${essential[at]}" conffiles 2>/dev/null || true; } | while read -r file; do rm -f "$1$file"; done
done
settle "$1"
${dpkg} --unpack "\${all[@]}" </dev/null
`;

/** The same with more debs. $1: the root, stdin: the debs. */
export const unpackMore = `${start}
mapfile -t debs
mount_api_filesystems "$1"
${dpkg} --unpack "\${debs[@]}" </dev/null
`;
