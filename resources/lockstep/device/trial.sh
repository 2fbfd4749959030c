#!/bin/sh
# lockstep trial: ends the trial of a deployment on the device itself, with or without anybody at the other end of a network.
#
#   trial confirm [BOOT]   after each boot: judges its health; a healthy deployment on trial is confirmed, an unhealthy one
#                          makes the device reboot, so that it is counted; after a fallback what was on trial is
#                          undeployed. BOOT: which boot of a trial it is, where the boot loader does not tell
#   trial limit            during a boot on trial: reboots when it is not confirmed in time
#   trial clear            the end of a trial by hand: the counter no longer counts
#
# What is on trial is in /var/lib/lockstep/trial, a `name=value` each line, written before the deployment:
#   commit=CHECKSUM   previous=CHECKSUM.SERIAL   pinned=yes|no (previous was pinned for the trial)   limit=SECONDS of uptime
# Beside it `armed` and `idle`, the sectors that go to the boot counter, and `failed-before`, the units that had failed.
# What becomes of it goes to `reasons` (a line for each boot that was not confirmed), then `ended`.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
here=$(dirname "$0")
state=/var/lib/lockstep
run=/run/lockstep
counter='' boot='' fallback=no
# shellcheck disable=SC2013  # words are what is wanted
for word in $(cat /proc/cmdline); do
  case $word in
  lockstep.counter=*) counter=${word#*=} ;;
  lockstep.boot=*) boot=${word#*=} ;;
  lockstep.fallback) fallback=yes ;;
  esac
done

say() { echo "lockstep: $*" >&2; }
uptime_seconds() { cut -d. -f1 /proc/uptime; }
recorded() { sed -n "s/^$1=//p" "$state/trial" 2>/dev/null | head -n 1; }

# The sector: a CRC of four bytes, then name=value, each ended by a zero byte. A damaged one counts as a trial.
armed() {
  [ -n "$counter" ] && [ -e "$counter" ] || return 1
  ! head -c 512 "$counter" | tail -c +5 | tr '\0' '\n' | grep -qx upgrade_available=0
}

write_counter() { dd if="$1" of="$counter" bs=512 count=1 conv=notrunc,fsync status=none; }
clear_counter() {
  [ -n "$counter" ] || return 0
  if [ -e "$state/idle" ]; then write_counter "$state/idle"; else write_counter "$here/boot/idle.env"; fi
}

# Index of a deployment in the boot order; nothing when there is none. $1: a pattern for CHECKSUM.SERIAL, $2: any or unbooted
index_of() {
  ostree admin status 2>/dev/null |
    awk -v want="$1" -v how="$2" '/^[* ] [^ ]+ [0-9a-f]+\.[0-9]+( |$)/ {
      if ($0 ~ " " want "( |$)" && !(how == "unbooted" && /^\*/)) { print n + 0; exit }
      n++
    }'
}
booted_commit() { ostree admin status 2>/dev/null | sed -n 's/^\* [^ ]* \([0-9a-f]*\)\..*/\1/p'; }

note() {
  mkdir -p "$state"
  echo "$1" >>"$state/reasons"
  say "$1"
}

end() {
  if [ "$(recorded pinned)" = yes ]; then
    index=$(index_of "$(recorded previous | sed 's/\./\\./')" any)
    [ -z "$index" ] || ostree admin pin --unpin "$index" >/dev/null
  fi
  clear_counter
  if [ -e "$state/trial" ]; then
    { grep -v '^result=' "$state/trial"; echo "result=$1"; } >"$state/ended.new"
    mv "$state/ended.new" "$state/ended"
    rm -f "$state/trial" "$state/armed"
  fi
  sync
}

# Booted into another deployment than the one on trial: it goes. The counter starts anew before that, so that a power cut
# in between takes the bad one again, counted, and never a third deployment.
give_up() {
  commit=$(recorded commit)
  index=
  if [ -n "$commit" ]; then
    index=$(index_of "$commit\\.[0-9]+" unbooted)
  elif [ $fallback = yes ]; then
    # Without a record: what the boot loader would have started.
    index=$(index_of '[0-9a-f]+\.[0-9]+' unbooted)
    [ "$index" = 0 ] || index=
  fi
  if [ -n "$index" ]; then
    say "taking back deployment $index: it was not confirmed"
    if [ -e "$state/armed" ]; then write_counter "$state/armed"; fi
    ostree admin undeploy "$index" || return
  fi
  end given-up
}

keep_evidence() {
  dir=$state/boots/${boot:-0}
  mkdir -p "$dir"
  cp -r "$run/health" "$run/health.d" "$dir/" 2>/dev/null
  timeout 20 journalctl -b -n 400 --no-pager -o short-monotonic >"$dir/journal" 2>/dev/null
  timeout 20 systemctl status --failed --no-pager >"$dir/units" 2>/dev/null
  sync
}

restart() {
  timeout 20 systemctl --no-block "$@" reboot && sleep 60
  timeout 20 systemctl --force --force reboot
  echo b >/proc/sysrq-trigger
}

# Booted into another deployment than the one on trial: the boot loader fell back, or nothing was deployed after all.
is_other() {
  [ $fallback = yes ] && return
  commit=$(recorded commit)
  booted=$(booted_commit)
  [ -n "$commit" ] && [ -n "$booted" ] && [ "$commit" != "$booted" ]
}

# `done` in /run says when, in seconds of uptime, this boot had been judged, and what follows from that been done; one that
# reboots never says it.
confirm() {
  limit=$(recorded limit)
  # What is certain does not wait for the boot to settle.
  if [ -n "$boot" ] && armed && is_other; then give_up; fi
  "$here/health" "${limit:-300}"
  healthy=$?
  if [ -n "$boot" ] && armed && ! is_other; then settle_trial; fi
  read -r up _ </proc/uptime
  echo "$up" >"$run/done.new"
  mv "$run/done.new" "$run/done"
}

settle_trial() {
  if [ $healthy -eq 0 ]; then
    say 'healthy: confirmed'
    end confirmed
  else
    note "boot $boot: $(sed -n 's/^reason //p' "$run/health" | paste -sd ';' | sed 's/;/; /g')"
    keep_evidence
    restart
  fi
}

limit() {
  # The counter's device comes with udev; a boot without it is not one on trial.
  tries=0
  while [ -n "$counter" ] && [ ! -e "$counter" ] && [ $tries -lt 60 ]; do tries=$((tries + 1)); sleep 1; done
  [ -n "$boot" ] && armed || return 0
  # What a processor has of its own is better: it bites when the kernel hangs, too.
  if [ ! -e /dev/watchdog0 ]; then modprobe -q softdog && say 'watching over systemd with softdog'; fi
  # The older deployment has proven itself before; interrupted, it would only be on trial once more.
  if is_other; then return 0; fi
  while :; do
    seconds=$(recorded limit)
    [ "$(uptime_seconds)" -gt $((${seconds:-300} + 20)) ] && break
    sleep 5
    armed || return 0
  done
  note "boot $boot: not confirmed in $(uptime_seconds) s: $(timeout 10 systemctl list-jobs --no-legend --no-pager | awk '$4 == "running" { print $2 }' | paste -sd ' ')"
  keep_evidence
  restart --force
}

case ${1:-} in
confirm)
  boot=${boot:-${2:-}}
  confirm
  ;;
limit) limit ;;
clear) end cleared ;;
*) echo "usage: $0 confirm|limit|clear" >&2; exit 2 ;;
esac
