# Unpacks packages as dpkg does, in a root that holds the files of those that need no order. To be run in mount and pid
# namespaces of its own.

# The layout that Debian's packages assume since bookworm (usr-is-merged); the import put what was in /bin under /usr/bin.
# $1: the root.
lay_out_root() {
  local name
  for name in bin sbin lib lib32 lib64 libx32 libo32; do
    if [ -d "$1/usr/$name" ]; then ln -sfn "usr/$name" "$1/$name"; fi
  done
  for name in boot dev proc run sys; do mkdir -p -m 755 "$1/$name"; done
  mkdir -p "$1/tmp" "$1/var/tmp"
  chmod 1777 "$1/tmp" "$1/var/tmp"
}

# dpkg puts conffiles in place when it configures: until then they bear another name. $1: the root, stdin: the conffiles.
set_conffiles_aside() {
  perl -e '
    my $root = shift;
    while (my $file = <STDIN>) {
      chomp $file;
      next unless -e "$root$file" || -l "$root$file";
      rename "$root$file", "$root$file.dpkg-new" or die "$root$file: $!\n";
    }' "$1"
}

# Does what the plan of the unpacking says. $1: the root, $2: the repository, $3: the steps, one a line.
run_unpack_steps() {
  local root=$1 repo=$2 verb rest
  hold_back "$root" "$3"
  printf '%s\n' "$3" | while read -r verb rest; do
    # shellcheck disable=SC2086  # words without blanks
    case $verb in
      preinst) run_preinst "$root" $rest ;;
      lay) lay_package "$root" "$repo" $rest ;;
      restore) restore_package "$root" "$repo" $rest ;;
      configure) configure_packages "$root" $rest ;;
      activate) echo "$rest" >>"$root/var/lib/dpkg/triggers/Unincorp" ;;
    esac
  done
}

# dpkg knows nothing of a package before it is laid: dpkg-divert, for one, goes by the lists of files.
hold_back() {
  local info=$1/var/lib/dpkg/info held=$1/var/lib/dpkg/lockstep/held verb name
  mkdir -p "$held"
  printf '%s\n' "$2" | while read -r verb _ _ name _; do
    [ "$verb" = lay ] || continue
    find_info_files "$info" "$name"
    mv -t "$held" -- "${info_files[@]}"
  done
}

# A package's files in a directory like dpkg's info: names of packages may hold dots, the kinds behind them do not.
find_info_files() {
  local file
  info_files=()
  for file in "$1/$2".*; do
    case ${file#"$1/$2."} in *.* | '*') ;; *) info_files+=("$file") ;; esac
  done
}

# Runs a preinst script where and how dpkg runs it (dpkg, src/main/script.c): beside all other control files, which
# debconf looks for there. $1: the root, $2: package, $3: architecture, $4: name of its files in the info directory.
run_preinst() {
  local root=$1 package=$2 arch=$3 info=$4
  local admin=$root/var/lib/dpkg
  local from=$admin/info
  echo "lockstep-script: $package preinst"
  if [ -e "$admin/lockstep/held/$info.list" ]; then
    from=$admin/lockstep/held
    record_status "$root" "$package" "$admin/lockstep/$info.begun"
  fi
  rm -rf "$admin/tmp.ci"
  mkdir -m 755 "$admin/tmp.ci"
  find_info_files "$from" "$info"
  cp -p -t "$admin/tmp.ci" -- "${info_files[@]}"
  # The package's name in front of the kind goes; dpkg has no list there.
  perl -e '
    my ($directory, $length) = ($ARGV[0], length "$ARGV[1].");
    for my $path (glob quotemeta($directory) . "/*") {
      my $kind = substr $path, length("$directory/") + $length;
      $kind eq "list" ? unlink $path : rename $path, "$directory/$kind" or die "$path: $!\n";
    }' "$admin/tmp.ci" "$info"
  cp -p "$admin/lockstep/${package}_$arch.control" "$admin/tmp.ci/control"
  chmod a+rx "$admin/tmp.ci/preinst"
  run_in_root "$root" env -C / DPKG_MAINTSCRIPT_PACKAGE="$package" DPKG_MAINTSCRIPT_ARCH="$arch" \
    DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_MAINTSCRIPT_DEBUG=0 \
    DPKG_RUNNING_VERSION="$(dpkg_version "$root")" DPKG_FORCE=security-mac,downgrade \
    DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT='' /var/lib/dpkg/tmp.ci/preinst install </dev/null
  rm -rf "$admin/tmp.ci"
}

# A maintainer script finds dpkg's version without its revision.
dpkg_version() {
  sed -n '/^Package: dpkg$/,/^$/s/^Version: \([^-+~]*\).*/\1/p' "$1/var/lib/dpkg/status"
}

configure_packages() {
  local root=$1
  shift
  run_in_root "$root" dpkg --force-confnew --configure "$@" </dev/null
}

run_in_root() {
  "${emulated[@]}" perl -e "$enter_root" "$@"
}

# $1: the root, $2: the repository, $3: package, $4: architecture, $5: name of its files in the info directory, $6: the
# ref of its files. They are copied: scripts may edit them in place.
lay_package() {
  local admin=$1/var/lib/dpkg kind interest
  find_info_files "$admin/lockstep/held" "$5"
  if [ ${#info_files[@]} -gt 0 ]; then mv -t "$admin/info" -- "${info_files[@]}"; fi
  # Inside the root, so that files are moved from it and not copied once more.
  ostree --repo="$2" checkout --force-copy "$6" "$1/.lockstep-tree" </dev/null
  perl -e "$lay_program" "$1" "$3" "$5" "$1/.lockstep-tree" </dev/null
  rm -rf "$1/.lockstep-tree"
  programs_came "$1" "$admin/info/$5.list"
  if [ -e "$admin/lockstep/$5.unpacked" ]; then
    record_status "$1" "$3" "$admin/lockstep/$5.unpacked"
    while read -r kind interest; do
      echo "$interest" >>"$admin/triggers/$kind"
    done <"$admin/lockstep/$5.interests"
  fi
}

# Puts back what a preinst script has taken away of its own package, as dpkg would unpack it only then.
restore_package() {
  local status=0
  perl -e "$lay_program" "$1" "$3" "$5" '' </dev/null || status=$?
  case $status in
    0) ;;
    3) lay_package "$@" ;;
    *) return $status ;;
  esac
}

# Puts a stanza into the status file, in the place of the package's old one. $1: the root, $2: package, $3: the stanza.
record_status() {
  perl -e '
    my ($status, $package, $stanza) = @ARGV;
    sub text { open my $in, "<", $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$in> }
    sub name { return $_[0] =~ /^Package: (.*)/ ? $1 : "" }
    my @stanzas = grep { name($_) ne $package } split /(?<=\n)\n/, text($status);
    open my $out, ">", "$status.new" or die "$status.new: $!\n";
    print $out map { "$_\n" } sort { name($a) cmp name($b) } @stanzas, text($stanza);
    close $out and rename "$status.new", $status or die "$status: $!\n";
  ' "$1/var/lib/dpkg/status" "$2" "$3"
}
