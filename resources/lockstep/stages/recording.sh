# Records what programs open in a mount: `start_recording MOUNT FILE [DATABASE]`, then `stop_recording`. FILE is there afterwards
# where the kernel tells; see record-opened.pl.

start_recording() {
  coproc recorder { exec perl -e "$record_opened" "$@"; }
  recorder_pid=$recorder_PID recorder_input=${recorder[1]}
  read -r _ <&"${recorder[0]}"
}

stop_recording() {
  exec {recorder_input}>&-
  wait "$recorder_pid"
}
