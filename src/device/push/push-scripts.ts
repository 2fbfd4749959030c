/** The remote that lockstep makes on a device whose image brings none: see image/signing/trust.ts for those that do. */
const remote = 'lockstep';
/** Keeps the commit from being pruned until a deployment holds it. */
export const pushedRef = 'lockstep/pushed';

/**
 * Shell functions over `$ostree`. `vouched COMMIT`: it was pushed whole, read where it had to be, and its signature was judged by the remote and
 * the keys that the running system has now. An image that begins to demand signatures lets nothing pass that was pushed before.
 */
export const vouchedFunctions = `
trust() {
  cat /usr/share/lockstep/remote /usr/share/lockstep/keys/* /etc/ostree/remotes.d/*.conf /usr/share/ostree/trusted.gpg.d/* \\
    "$ostree/repo/config" "$ostree"/repo/*.trustedkeys.gpg 2>/dev/null | sha256sum
}
vouched() {
  [ ! -e "$ostree/repo/state/$1.commitpartial" ] && [ -r "$ostree/lockstep/verified" ] || return
  read -r verified trusted <"$ostree/lockstep/verified"
  [ "$verified" = "$1" ] && [ "$trusted" = "$(trust)" ]
}`;

/**
 * Asks a device what it has: the system's `ostree` directory, a commit. Prints `has COMMIT` for each commit that it has whole and that
 * will stay: those deployed and the one pushed last; `wanted` when the commit asked for is whole, `vouched` when there is nothing left to do;
 * `begun HOW COMMIT` when a push of that commit broke off.
 */
export const askScript = `${vouchedFunctions}
ostree=$1 wanted=$2
repo=$ostree/repo
whole() {
  rest=\${1#??}
  [ -e "$repo/objects/\${1%"$rest"}/$rest.commit" ] && [ ! -e "$repo/state/$1.commitpartial" ]
}
for deployment in "$ostree"/deploy/*/deploy/*.[0-9]*; do
  [ -d "$deployment" ] || continue
  name=\${deployment##*/}
  if whole "\${name%%.*}"; then echo "has \${name%%.*}"; fi
done
if read -r pushed 2>/dev/null <$repo/refs/heads/${pushedRef} && whole "$pushed"; then echo "has $pushed"; fi
for staging in "$repo"/tmp/staging-lockstep-*; do
  if [ -d "$staging" ] && read -r begun 2>/dev/null <"$ostree/lockstep/begun"; then echo "begun $begun"; break; fi
done
if whole "$wanted"; then echo wanted; fi
if vouched "$wanted" && [ "\${pushed:-}" = "$wanted" ]; then echo vouched; fi`;

/**
 * Pulls a commit: the `ostree` directory, port, commit, `whole` when the device has it, `verify` to read all objects afterwards, and a
 * word for how it is served, which the next push is told when this one breaks off. Its stdin must say something every few seconds: a
 * puller whose agent has gone would hold what arrived until TCP gives up.
 *
 * What ostree has fetched of a pull that broke off lies in tmp/staging-BOOT-…, which it takes up again; with a name for BOOT that
 * stays (OSTREE_BOOTID), also after a reboot. Of that, what came after the last sync is not certain to be on the disk, so it goes, and all
 * objects are read when the commit is there.
 *
 * The commit alone is pulled first: its signature is judged before anything else travels, and ostree, which looks for missing objects
 * while it applies a delta, finds nothing to look for then.
 *
 * The remote of the running image demands signatures; the one that lockstep adds trusts the SSH channel, whose other end has proven that it
 * may log in as root. ostree checks the hash of every object in both cases.
 */
export const pullScript = `${vouchedFunctions}
ostree=$1 port=$2 commit=$3 whole=$4 verify=$5 how=$6
repo=$ostree/repo state=$ostree/lockstep
export OSTREE_BOOTID=lockstep
mkdir -p "$state"
exec 9>"$state/lock" 3<&0 </dev/null
flock -w 60 9 || { echo 'another push to this device is at work' >&2; exit 75; }

( while [ -n "$(timeout 30 dd bs=1 count=1 status=none <&3 | tr '\\n' .)" ]; do :; done
  kill -s TERM -- -$$ ) >/dev/null 2>&1 9>&- &
# A tenth of the time at most goes into it.
( pause=15
  while sleep $pause; do
    : >"$state/synced.new"
    before=$(date +%s)
    sync -f "$repo" 2>/dev/null || sync
    mv "$state/synced.new" "$state/synced"
    took=$(($(date +%s) - before))
    # Somebody may have set the clock.
    if [ $took -ge 0 ] && [ $took -lt 60 ]; then pause=$((15 + 9 * took)); fi
  done ) >/dev/null 2>&1 9>&- &
# Both, with what they wait for: the connection stays open as long as anything holds it.
trap 'code=$?; trap "" TERM; kill -s TERM -- -$$ 2>/dev/null; exit $code' EXIT

read -r boot </proc/sys/kernel/random/boot_id
begun=
read -r begun 2>/dev/null <"$state/boot" || :
if [ "$begun" != "$boot" ]; then
  if [ -e "$state/boot" ]; then : >"$state/doubt"; fi
  for staging in "$repo"/tmp/staging-lockstep-*; do
    [ -d "$staging" ] || continue
    # The note of the boot may be what the power cut lost.
    : >"$state/doubt"
    if [ -e "$state/synced" ]; then find "$staging" -depth ! -type d -cnewer "$state/synced" -delete
    else rm -rf "$staging"; fi
  done
fi
rm -f "$state/synced"
echo "$boot" >"$state/boot"
echo "$how $commit" >"$state/begun"
rm -f "$state/verified"
if [ "$verify" = verify ]; then : >"$state/doubt"; fi

if [ -e /usr/share/lockstep/remote ]; then
  read -r remote </usr/share/lockstep/remote
else
  remote=${remote}
  if ! ostree --repo="$repo" remote list | grep -qx $remote; then
    ostree --repo="$repo" remote add --no-gpg-verify --set=http2=false $remote http://127.0.0.1/
  fi
fi
pull() { ostree --repo="$repo" pull --url="http://127.0.0.1:$port" "$@"; }

[ "$whole" = whole ] || pull --commit-metadata-only "$remote" "$commit"
pull "$remote" "$commit"
if [ -e "$state/doubt" ]; then
  if ! ostree --repo="$repo" fsck --quiet --all --delete 2>"$state/fsck"; then
    cat "$state/fsck"
    pull --disable-static-deltas "$remote" "$commit"
    for part in "$repo"/state/*.commitpartial; do
      [ -e "$part" ] || continue
      name=\${part##*/}
      pull --disable-static-deltas "$remote" "\${name%.commitpartial}" || :
    done
    ostree --repo="$repo" fsck --quiet --all --delete || :
    if [ -e "$repo/state/$commit.commitpartial" ]; then
      echo "objects of $commit are damaged again after they were fetched anew: is the disk failing?" >&2
      exit 1
    fi
    echo healed
  fi
  rm -f "$state/doubt"
fi
ostree --repo="$repo" refs --force --create=${pushedRef} "$commit"
echo "$commit $(trust)" >"$state/verified"
rm -f "$state/boot" "$state/synced" "$state/begun"`;
