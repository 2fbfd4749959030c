# Native builds of an image's programs, relocated so that they run from one directory beside emulated ones; see
# src/emulation/. Nothing of them becomes part of an image.
# $1: a directory to work in, $2: directory of the result, $3: path of the result where it will be run, $4: relocations and
# $5: names of programs that stay emulated, $6: of those that name their architecture, $7: a relocation for these, all for $8:
# the program that relocates (relocate-tools.pl), $9: the architecture to be named; then the debs to fetch,
# `package:arch=version`; stdin: the dispatcher.
work=$1 out=$2 native=$3 relocations=$4 emulated=$5 named=$6 renaming=$7 relocate=$8 architecture=$9
shift 9
mkdir -p "$work" "$out"
mount -t tmpfs work "$work"
mkdir "$work/debs" "$work/tree"
cat >"$out/dispatcher"
chmod 755 "$out/dispatcher"

cd "$work/debs"
apt-get -q -o APT::Sandbox::User=root download "$@"
for deb in *.deb; do
  dpkg-deb --fsys-tarfile "$deb" |
    tar --extract --directory "$work/tree" --keep-directory-symlink --exclude=./usr/share --exclude=./etc --exclude=./var
done
cd "$work/tree"
for name in bin sbin lib; do
  if [ -d "$name" ]; then mkdir -p "usr/$name"; cp --archive --link --force "$name/." "usr/$name/"; fi
done

perl -e "$relocate" "$out" "$native" "$relocations" "$emulated" "$named" "$renaming"

# Whatever the name is built in as, the renaming must have found it. Asked where it will run.
mount -t tmpfs -o mode=755 run /run
mkdir -p "$native"
mount --bind "$out" "$native"
if [ "$("$native/ld.so" --inhibit-cache "$native/usr/bin/dpkg" --print-architecture || true)" != "$architecture" ]; then
  for name in $named; do sed -i "\\,/$name\$,d" "$out/programs"; done
fi
