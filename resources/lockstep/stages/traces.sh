# Takes out what programs leave behind in a root: it would differ from one build to the next, or must differ from one
# device to the next. $1: the root.
remove_traces() (
  cd "$1"
  rm -f etc/*- etc/.pwd.lock
  rm -rf var/lib/dpkg/*-old var/lib/dpkg/lock* var/lib/dpkg/triggers/Lock var/lib/dpkg/updates/*
  rm -f var/cache/debconf/*-old var/cache/ldconfig/aux-cache var/cache/apt/*.bin var/lib/systemd/random-seed
  rm -rf var/lib/apt/lists/* var/lib/ucf/*.[0-9]
  find var/log ! -type d -delete
  find tmp var/tmp -mindepth 1 -delete
  # Empty: systemd makes one for each device, and takes the boot for an ordinary one.
  rm -f etc/machine-id var/lib/dbus/machine-id
  : >etc/machine-id
)
