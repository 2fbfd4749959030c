# Turns a configured root into one that ostree can deploy: what belongs to the image under /usr, what belongs to the
# device under /var, made there by systemd-tmpfiles at each boot (ostree's "Adapting existing mainstream distributions").
# The root is a hard-link checkout: files are moved, removed or replaced, never edited in place.
# $1: the root, $2: image name, $3: version.
root=$1 image=$2 version=$3
tmpfiles=usr/lib/tmpfiles.d/lockstep-var.conf
factory=usr/share/factory
cd "$root"

# Debian's kernel lies in /boot and beside /usr/lib/modules; ostree looks for all of it in one directory.
gather_kernel() {
  for modules in usr/lib/modules/*/; do
    release=$(basename "$modules")
    for part in vmlinuz config System.map; do
      if [ -e "boot/$part-$release" ]; then mv "boot/$part-$release" "$modules$part"; fi
    done
    if [ -d "usr/lib/linux-image-$release" ]; then
      mv "usr/lib/linux-image-$release" "${modules}dtb"
      # Where Debian's own tools look for device trees.
      ln -s "modules/$release/dtb" "usr/lib/linux-image-$release"
    fi
  done
  rm -rf boot
  rm -f vmlinuz vmlinuz.old initrd.img initrd.img.old
  mkdir -m 755 boot
}

# Whatever a device may write has its place in /var; the names that programs know lead there.
link_into_var() {
  for name in home srv mnt; do
    move_to_var "$name" "var/$name"
    ln -s "var/$name" "$name"
  done
  move_to_var root var/roothome
  ln -s var/roothome root
  move_to_var usr/local var/usrlocal
  ln -s ../var/usrlocal usr/local
  rm -rf media
  ln -s run/media media
  ln -s sysroot/ostree ostree
  mkdir -m 755 sysroot
}

move_to_var() {
  mkdir -p "$1" "$2"
  rmdir "$2"
  mv "$1" "$2"
}

# What packages bring in /opt is part of the image and must change with it, so it stays under /usr.
keep_opt() {
  mkdir -p opt
  if [ -n "$(ls -A opt)" ]; then
    mkdir -p usr/lib/opt
    for entry in opt/*; do
      mv "$entry" usr/lib/opt/
      echo "L+ /var/$entry - - - - ../../usr/lib/$entry" >>"$tmpfiles"
    done
  fi
  rmdir opt
  mkdir -p var/opt
  ln -s var/opt opt
}

# The package database describes /usr and so moves with it; dpkg finds it through a link.
keep_package_database() {
  if [ -d var/lib/dpkg ]; then
    mkdir -p usr/lib/sysimage
    mv var/lib/dpkg usr/lib/sysimage/dpkg
    echo 'L+ /var/lib/dpkg - - - - ../../usr/lib/sysimage/dpkg' >>"$tmpfiles"
  fi
}

# tmpfiles.d(5): escapes as in C, and % begins a specifier. A name may hold any byte.
# shellcheck disable=SC2016  # a program for perl
tmpfiles_lines='
  local $/;
  my @fields = split /\0/, <STDIN>, -1;
  while (@fields >= 6) {
    my ($type, $mode, $uid, $gid, $path, $target) = splice @fields, 0, 6;
    for ($path, $target) { s/\\/\\\\/g; s/%/%%/g; s/([\x00-\x1f\x7f])/sprintf "\\x%02x", ord $1/ge }
    $path =~ s/"/\\"/g;
    print $type eq "l" ? "L \"/$path\" - - - - $target\n"
      : ($type eq "d" ? "d" : "C") . " \"/$path\" $mode $uid $gid - -\n";
  }'

# /var ships empty: directories and links are made at boot, files are copied from the factory unless they exist.
empty_var() {
  # systemd's own tmpfiles.d makes these.
  rm -rf var/run var/lock
  find var -mindepth 1 \( -type d ! -path var/tmp -o -type l -o -type f \) -printf '%y\0%m\0%U\0%G\0%p\0%l\0' |
    perl -e "$tmpfiles_lines" | LC_ALL=C sort >>"$tmpfiles"
  find var -mindepth 1 -type f -printf '%p\0' | while IFS= read -r -d '' file; do
    mkdir -p "$factory/$(dirname "$file")"
    mv "$file" "$factory/$file"
  done
  rm -rf var
  mkdir -m 755 var
}

# A host key in the image would be the same on every device: each makes its own before sshd starts.
make_host_keys_on_first_boot() {
  [ -e usr/sbin/sshd ] || return 0
  cat >usr/lib/systemd/system/lockstep-ssh-host-keys.service <<'UNIT'
[Unit]
Description=Make the SSH host keys of this device
Before=ssh.service ssh.socket
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
UNIT
  mkdir -p usr/lib/systemd/system/ssh.service.wants
  ln -s ../lockstep-ssh-host-keys.service usr/lib/systemd/system/ssh.service.wants/
}

name_the_image() {
  [ -e usr/lib/os-release ] || return 0
  { grep -v '^IMAGE_' usr/lib/os-release; printf 'IMAGE_ID=%s\nIMAGE_VERSION=%s\n' "$image" "$version"; } >usr/lib/os-release.new
  mv usr/lib/os-release.new usr/lib/os-release
}

mkdir -p usr/lib/tmpfiles.d
printf '# Made by lockstep: what the packages of this image have in /var.\n' >"$tmpfiles"
gather_kernel
keep_package_database
link_into_var
keep_opt
empty_var
make_host_keys_on_first_boot
name_the_image
mv etc usr/etc
