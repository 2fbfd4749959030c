# Native builds of an image's programs, relocated so that they run from one directory beside emulated ones; see
# src/emulation/. Nothing of them becomes part of an image.
# $1: a directory to work in, $2: directory of the result, $3: path of the result where it will be run, $4: relocations and
# $5: names of programs that stay emulated, both for $6: the program that relocates (relocate-tools.pl); then the debs to
# fetch, `package:arch=version`; stdin: the dispatcher.
work=$1 out=$2 native=$3 relocations=$4 emulated=$5 relocate=$6
shift 6
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

perl -e "$relocate" "$out" "$native" "$relocations" "$emulated"

# A program that lacks a library here would fail where its emulated one works: it stays emulated. Asked where it will run.
mount -t tmpfs -o mode=755 run /run
mkdir -p "$native"
mount --bind "$out" "$native"
mapfile -t programs <"$out/programs"
for program in "${programs[@]}"; do
  if [ "$("$native/ld.so" --list "$native$program" 2>&1 | grep -c 'not found')" = 0 ]; then echo "$program"; fi
done >"$work/complete"
mv "$work/complete" "$out/programs"
