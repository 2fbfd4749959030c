# Native builds of an image's programs, relocated so that they run from one directory beside emulated ones; see
# src/emulation/. Nothing of them becomes part of an image.
# $1: a directory to work in, $2: directory of the result, $3: path of the result where it will be run, $4: the same for
# the directory of dispatchers, $5: relocations ("hex of what is replaced" "hex of its replacement", a line each),
# $6: names of programs that stay emulated; then the debs to fetch, `package:arch=version`; stdin: the dispatcher.
work=$1 out=$2 native=$3 dispatch=$4 relocations=$5 emulated=$6
shift 6
mkdir -p "$work/debs" "$work/tree" "$out"
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

# Moves what is needed, relocates it, and lists the programs: those of the directories that scripts look in, and helpers
# that they start by their path.
perl -e '
  use strict; use warnings; use File::Find; use File::Copy; use File::Path "make_path"; use File::Basename;
  my ($out, $native, $dispatch, $relocations, $emulated) = @ARGV;
  my @relocations = map { [map { pack "H*", $_ } split] } split /\n/, $relocations;
  my $interpreter = $relocations[-1][0];
  my %emulated = map { $_ => 1 } split " ", $emulated;
  sub relocated {
    my ($bytes) = @_;
    for (@relocations) {
      my ($from, $to) = @$_;
      my $at = -1;
      substr($bytes, $at, length $from) = $to while ($at = index $bytes, $from, $at + 1) >= 0;
    }
    return $bytes;
  }
  sub content { open my $file, "<:raw", $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$file> }
  sub put {
    my ($path, $bytes, $mode) = @_;
    make_path(dirname $path);
    open my $file, ">:raw", $path or die "$path: $!\n";
    print $file $bytes; close $file or die "$path: $!\n";
    chmod $mode, $path or die "$path: $!\n";
  }
  my ($multiarch) = grep { -d } glob "usr/lib/*-linux-gnu";
  find({ no_chdir => 1, wanted => sub {
    my $target = "$out/lib/" . substr $_, length($multiarch) + 1;
    if (-l $_) { make_path(dirname $target); symlink readlink, $target or die "$target: $!\n" }
    elsif (-f _) { my $mode = (stat _)[2] & 0755; put($target, relocated(content($_)), $mode) }
  } }, $multiarch) if defined $multiarch;
  my ($loader) = map { basename $_ } glob "$out/lib/ld-linux*.so.*";
  die "the C library brought no loader\n" unless defined $loader;
  symlink "lib/$loader", "$out/ld.so" or die "$out/ld.so: $!\n";
  my %done;
  find({ no_chdir => 1, wanted => sub {
    return if -l $_ || !-f _ || !-x _ || $emulated{basename $_};
    my $bytes = content($_);
    return unless index($bytes, $interpreter) >= 0;
    put("$out/$_", relocated($bytes), 0755);
    make_path(dirname "$out/dispatch$native/$_");
    symlink "$native/dispatcher", "$out/dispatch$native/$_" or die "$_: $!\n";
    $done{"/$_"} = 1;
  } }, grep { -d } map { "usr/$_" } qw(bin sbin lib/systemd lib/udev lib/dracut));
  put("$out/programs", join("", map { "$_\n" } sort keys %done), 0644);
' "$out" "$native" "$dispatch" "$relocations" "$emulated"

# A program that lacks a library here would fail where its emulated one works: it stays emulated. Asked where it will run.
mount -t tmpfs -o mode=755 run /run
mkdir -p "$native"
mount --bind "$out" "$native"
mapfile -t programs <"$out/programs"
for program in "${programs[@]}"; do
  if [ "$("$native/ld.so" --list "$native$program" 2>&1 | grep -c 'not found')" = 0 ]; then echo "$program"; fi
done >"$work/complete"
mv "$work/complete" "$out/programs"
