# Changes numbers of users and groups: of every file, and in the databases that have them. The root is a hard-link
# checkout: what changes is copied first, never changed in place.
# $1: the root, $2: users, "old=new old=new", $3: groups.
perl -e '
  use strict;
  use File::Find;
  my ($root, @maps) = @ARGV;
  chdir $root or die "$root: $!\n";
  my ($users, $groups) = map { { map { split /=/ } split } } @maps;

  sub replaced {
    my ($path, $make) = @_;
    my $new = "$path.lockstep-new";
    $make->($new);
    rename $new, $path or die "$path: $!\n";
  }

  sub run { system(@_) == 0 or die "@_ failed\n" }

  # Changing the owner takes away setuid bits and capabilities: both are put back from the old file.
  sub own {
    my ($path, $uid, $gid) = @_;
    my $mode = (lstat $path)[2] & 07777;
    if (-d _) {
      chown $uid, $gid, $path and chmod $mode, $path or die "$path: $!\n";
    } elsif (-l _) {
      my $target = readlink $path;
      replaced($path, sub {
        symlink $target, $_[0] or die "$path: $!\n";
        run("chown", "--no-dereference", "$uid:$gid", "--", $_[0]);
      });
    } else {
      replaced($path, sub {
        run("cp", "--archive", "--", $path, $_[0]);
        chown $uid, $gid, $_[0] and chmod $mode, $_[0] or die "$path: $!\n";
        run("cp", "--attributes-only", "--preserve=xattr", "--", $path, $_[0]);
      });
    }
  }

  my @changes;
  find({ no_chdir => 1, wanted => sub {
    my (undef, undef, undef, undef, $uid, $gid) = lstat $_;
    my ($to_uid, $to_gid) = ($users->{$uid} // $uid, $groups->{$gid} // $gid);
    push @changes, [$_, $to_uid, $to_gid] if $to_uid != $uid || $to_gid != $gid;
  } }, ".");
  own(@$_) for @changes;

  # The fields that hold a number: of a user, of a group.
  my %fields = (
    "etc/passwd" => [[2, $users], [3, $groups]],
    "etc/group" => [[2, $groups]],
    "etc/subuid" => [[0, $users]],
    "etc/subgid" => [[0, $users]],
  );
  for my $path (sort keys %fields) {
    next unless -f $path;
    open my $in, "<", $path or die "$path: $!\n";
    my @lines = <$in>;
    my $before = join "", @lines;
    for (@lines) {
      chomp;
      my @values = split /:/, $_, -1;
      for my $field (@{$fields{$path}}) {
        my ($at, $map) = @$field;
        $values[$at] = $map->{$values[$at]} // $values[$at] if defined $values[$at];
      }
      $_ = join(":", @values) . "\n";
    }
    next if $before eq join "", @lines;
    my ($mode, $uid, $gid) = (lstat $path)[2, 4, 5];
    replaced($path, sub {
      open my $out, ">", $_[0] or die "$path: $!\n";
      print $out @lines;
      close $out or die "$path: $!\n";
      chown $uid, $gid, $_[0] and chmod $mode & 07777, $_[0] or die "$path: $!\n";
    });
  }
' "$@"
