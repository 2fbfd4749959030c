#!/bin/sh
# lockstep health: waits until the boot has settled, then judges it: units that failed, and the health scripts. Prints what
# it found, a line each, and keeps it in /run/lockstep/health, what scripts said in /run/lockstep/health.d. Exit code 1: unhealthy.
# $1: seconds of uptime until which the boot must have settled.
#
#   settled STATE            as systemctl is-system-running says; anything but running and degraded is unhealthy
#   unit NAME failed         a unit that had not failed before the deployment
#   required NAME RESULT     ok, timeout, or failed EXITCODE; another than ok is unhealthy
#   wanted NAME RESULT       the same as a warning
#   reason WHY               why it is unhealthy, for people
#   result healthy|unhealthy
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
limit=${1:-300}
run=/run/lockstep
known=/var/lib/lockstep/failed-before
# Seconds that a script may take unless it says otherwise: `# lockstep-timeout: 120`.
script_seconds=60
healthy=yes

# Clocks of boards jump; this does not.
uptime_seconds() { cut -d. -f1 /proc/uptime; }

unhealthy() {
  healthy=no
  echo "reason $1"
}

settle() {
  left=$((limit - $(uptime_seconds)))
  [ "$left" -ge 1 ] || left=1
  timeout "$left" systemctl is-system-running --wait >/dev/null 2>&1
  state=$(systemctl is-system-running 2>/dev/null)
  echo "settled ${state:-nothing}"
  case $state in
  running | degraded) ;;
  *)
    jobs=$(timeout 10 systemctl list-jobs --no-legend --no-pager 2>/dev/null |
      awk '$4 == "running" { printf "%s%s", n++ ? " " : "", $2 }')
    unhealthy "its boot did not finish in $limit s: systemd says ${state:-nothing}${jobs:+, waits for $jobs}"
    ;;
  esac
}

judge_units() {
  timeout 20 systemctl list-units --failed --plain --no-legend --no-pager | cut -d' ' -f1 >"$run/failed"
  while read -r unit; do
    if ! grep -qxFs -- "$unit" "$known"; then
      echo "unit $unit failed"
      unhealthy "$unit failed"
    fi
  done <"$run/failed"
}

# $1: required or wanted. A script in /etc stands for the one of the same name in /usr/lib; a link to /dev/null removes it.
run_scripts() {
  for name in $(find "/usr/lib/lockstep/health.d/$1.d" "/etc/lockstep/health.d/$1.d" -mindepth 1 -maxdepth 1 -printf '%f\n' \
    2>/dev/null | grep -E '^[A-Za-z0-9][A-Za-z0-9_.-]*$' | grep -vE '\.(dpkg-[a-z]+|bak|orig)$|^README' | sort -u); do
    script=/etc/lockstep/health.d/$1.d/$name
    [ -e "$script" ] || script=/usr/lib/lockstep/health.d/$1.d/$name
    if [ -f "$script" ] && [ -x "$script" ]; then run_script "$1" "$name" "$script"; fi
  done
}

run_script() {
  seconds=$(sed -n 's/^# *lockstep-timeout: *\([0-9]\{1,4\}\) *$/\1/p' "$3" | head -n 1)
  seconds=${seconds:-$script_seconds}
  output=$run/health.d/$1-$2
  # A file, not a pipe: what a script leaves running must not hold up the rest.
  timeout -k 5 "$seconds" "$3" >"$output" 2>&1 </dev/null
  code=$?
  case $code in
  0) result=ok said= ;;
  124 | 137) result=timeout said="health script $2 did not end in $seconds s" ;;
  *) result="failed $code" said="health script $2 failed with exit code $code: $(tail -n 1 "$output" | cut -c 1-200)" ;;
  esac
  echo "$1 $2 $result"
  if [ $code -ne 0 ] && [ "$1" = required ]; then unhealthy "$said"; fi
}

judge() {
  settle
  # A boot that did not come to its end leaves nothing to ask about.
  if [ $healthy = yes ]; then
    judge_units
    run_scripts required
    run_scripts wanted
  fi
  if [ $healthy = yes ]; then echo result healthy; else echo result unhealthy; fi
}

mkdir -p "$run"
rm -rf "$run/health.d"
mkdir "$run/health.d"
judge >"$run/health.new"
mv "$run/health.new" "$run/health"
cat "$run/health"
grep -qx 'result healthy' "$run/health"
