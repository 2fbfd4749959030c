# Ends what scripts have left running in a root, so that it cannot write to what is done, and says so, a line for each:
# `lockstep-left: PACKAGE COMMAND`, the package of the script that started it, or - when it was none's. To be run in a pid
# namespace of its own, in which the root's /proc was mounted. $1: the root.
end_left_running() {
  local seen pid command package
  for seen in "$1"/proc/[0-9]*; do
    pid=${seen##*/}
    # This shell, and what holds the user namespace.
    if [ "$pid" = $$ ] || [[ "${emulated[*]}" = *"/proc/$pid/ns/"* ]]; then continue; fi
    # Empty for a zombie.
    command=$(tr '\0\n' '  ' 2>/dev/null <"$seen/cmdline") || continue
    if [ -z "$command" ]; then continue; fi
    package=$(tr '\0' '\n' 2>/dev/null <"$seen/environ" | sed -n 's/^DPKG_MAINTSCRIPT_PACKAGE=//p') || package=
    kill -KILL "$pid" 2>/dev/null || continue
    echo "lockstep-left: ${package:--} $command"
    await_end "$seen"
  done
}

# Five seconds at most: it was killed.
await_end() {
  local tries=0
  while [ $tries -lt 250 ] && [ -n "$(tr -d '\0' 2>/dev/null <"$1/cmdline")" ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
}
