# A root that programs may write to, on top of a tree of hard links into the repository, which nobody may edit in place.
# `open_writable BASE ROOT`, what is to be done in ROOT, `settle_writable BASE ROOT`: BASE then has all changes, and what
# was not changed is still the repository's own file. To be run in a mount namespace of its own.

open_writable() {
  local layers=$2.layers notes=
  # The root of a user namespace may not write down under trusted.* what a layer hides.
  if [ "$(awk '{ print $2; exit }' /proc/self/uid_map)" != 0 ]; then notes=,userxattr; fi
  mkdir -p "$2" "$layers/upper" "$layers/work"
  chmod --reference="$1" "$layers/upper"
  # Nothing of it need outlive a power cut, and dpkg waits for the disk after every package: volatile spares that.
  mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work,volatile$notes" overlay "$2" 2>/dev/null ||
    mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work$notes" overlay "$2" 2>/dev/null ||
    copy_tree "$1" "$2"
}

# Files of the same content are one file of the repository: they must not stay one.
copy_tree() {
  cp --archive --no-preserve=links "$1/." "$2"
}

settle_writable() {
  local below
  # The API file systems; /proc/self/mountinfo names the innermost last, blanks in names as octal numbers.
  while IFS= read -r below; do
    below=$(printf %b "$below")
    case $below in "$2"/*) umount --lazy "$below" ;; esac
  done < <(awk '{ print $5 }' /proc/self/mountinfo | tac)
  if mountpoint -q "$2"; then
    perl -e "$settle_changes" "$2.layers/upper" "$2" "$1"
    rm -rf "$2.layers" "$2"
  else
    rm -rf "$1" "$2.layers"
    mv "$2" "$1"
  fi
  # The commit takes the new files over as they are; those of a repository have the time 0.
  find "$1" -type f -newermt 1970-01-02 -exec touch --date=@0 {} +
}
