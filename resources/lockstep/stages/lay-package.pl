# Puts a package's files into a root by the rules of dpkg (src/main/archives.c, tarobject). Arguments: the root, the
# package, the name of its files in the info directory, the tree of its files, which is used up. With an empty name of a
# tree nothing is changed: exit 3 when any of the files is not where it would be put.
use strict;
use warnings;

my ($root, $package, $info, $tree) = @ARGV;
my $admin = "$root/var/lib/dpkg";
my %merged = map { $_ => 1 } qw(bin sbin lib lib32 lib64 libx32 libo32);

sub lines_of {
  open my $in, '<', "$admin/$_[0]" or return ();
  chomp(my @lines = <$in>);
  return @lines;
}

my (%diversion, %came_from);
my @diversions = lines_of('diversions');
while (my ($from, $to, $by) = splice @diversions, 0, 3) {
  $diversion{$from} = { to => $to, by => $by };
  $came_from{$to} = $by;
}
my %conffile = map { $_ => 1 } grep { m{^/} } map { s/\s+$//r } lines_of("info/$info.conffiles");
my %replaced = map { $_ => 1 } lines_of("lockstep/$info.replaced");
my %guarded = map { split /\t/, $_, 2 } lines_of("lockstep/$info.diverted");

sub refuse {
  print "lockstep-file-conflict: $_[0]\n";
  exit 1;
}

# A path inside the root without symbolic links in it; those of absolute targets stay inside, too.
sub follow {
  my @todo = split m{/+}, $_[0];
  my (@done, $links);
  while (@todo) {
    my $name = shift @todo;
    next if $name eq '' || $name eq '.';
    if ($name eq '..') { pop @done; next }
    my $at = join '/', $root, @done, $name;
    if (-l $at) {
      refuse("$_[0] of $package lies behind a circle of links") if ++$links > 40;
      my $target = readlink $at;
      @done = () if $target =~ m{^/};
      unshift @todo, split m{/+}, $target;
      next;
    }
    push @done, $name;
  }
  return join '/', '', @done;
}

my %followed;

# The place of a path whose last component counts as it is.
sub place_of {
  my ($directory, $name) = $_[0] =~ m{^(.*)/([^/]+)$};
  my $real = $followed{$directory} //= follow($directory);
  delete $followed{$directory} unless -d "$root$real";
  return "$root$real/$name";
}

sub used_path {
  my ($path) = @_;
  my $diversion = $diversion{$path};
  return defined $diversion && $diversion->{by} ne $package ? $diversion->{to} : $path;
}

sub source_of {
  my ($path) = @_;
  my ($top) = $path =~ m{^/([^/]+)};
  return $tree . ($merged{$top} ? "/usr$path" : $path);
}

sub make_directory {
  my ($at, $source) = @_;
  mkdir $at, 0755 or die "$at: $!\n";
  return unless defined $source;
  my @stat = lstat $source or die "$source: $!\n";
  chown @stat[4, 5], $at or die "$at: $!\n";
  chmod $stat[2] & 07777, $at or die "$at: $!\n";
}

sub make_parents {
  my ($directory) = $_[0] =~ m{^(.*)/};
  return if -d $directory;
  make_parents($directory);
  make_directory($directory);
}

sub lay_directory {
  my ($path, $source) = @_;
  my $at = $root . follow(used_path($path));
  return if -d $at;
  refuse("$path is a directory in $package and none in the image") if -e $at || -l $at;
  make_parents($at);
  make_directory($at, $source);
}

sub leads_to_same_directory {
  my ($at, $target) = @_;
  my ($directory) = substr($at, length $root) =~ m{^(.*)/};
  my $new = follow($target =~ m{^/} ? $target : "$directory/$target");
  return -l $at && -d "$root$new" && follow(substr $at, length $root) eq $new;
}

sub lay_file {
  my ($path, $source) = @_;
  my $at = place_of(used_path($path));
  if (-l $source) {
    return if !-l $at && -d $at;
    return if leads_to_same_directory($at, readlink $source);
  }
  $at = conffile_place($at) if $conffile{$path};
  refuse("$path is a file in $package and a directory in the image") if !-l $at && -d $at;
  make_parents($at);
  rename $source, $at or die "$at: $!\n";
}

# Conffiles lie beside what a link leads to, until dpkg configures.
sub conffile_place {
  my ($at) = @_;
  return (-l $at ? $root . follow(substr $at, length $root) : $at) . '.dpkg-new';
}

sub guard {
  my ($path) = @_;
  my $by = $diversion{$path} ? $diversion{$path}{by} : '';
  return if $by ne '' && ($by eq $package || $by eq $guarded{$path});
  refuse("$path is in $package and in $guarded{$path}, and no preinst script has diverted it");
}

sub is_there {
  my ($path) = @_;
  my $at = place_of(used_path($path));
  return -e $at || -l $at || -e conffile_place($at);
}

my $list = -e "$admin/lockstep/$info.files" ? "lockstep/$info.files" : "info/$info.list";
for my $path (lines_of($list)) {
  next if $path eq '/.' || $merged{ substr $path, 1 } || $replaced{$path};
  if ($tree eq '') {
    exit 3 unless is_there($path);
    next;
  }
  refuse("$path is in $package, and where $came_from{$path} has diverted another file") if exists $came_from{$path};
  guard($path) if exists $guarded{$path};
  my $source = source_of($path);
  lstat $source or die "$source: $!\n";
  if (-d _) { lay_directory($path, $source) } else { lay_file($path, $source) }
}
