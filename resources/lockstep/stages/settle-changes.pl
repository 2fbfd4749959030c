# Brings what was changed in an overlay mount into its lower tree, by putting files in the place of others, never by editing
# one: those are hard links into a repository. Arguments: the upper tree, the mount, the lower tree. Takes the mount away.
use strict;
use warnings;
use Fcntl ':mode';
use POSIX ();

my ($upper, $merged, $lower) = @ARGV;

# Numbers of system calls by the machine: setting, reading, listing, removing an extended attribute of a file or link.
my %numbers = (x86_64 => [189, 192, 195, 198], aarch64 => [6, 9, 12, 15]);
my ($lset, $lget, $llist, $lremove) = @{ $numbers{ (POSIX::uname())[4] } // die "overlay: unknown machine\n" };

# What overlayfs notes on its files (Documentation/filesystems/overlayfs.rst) is none of the tree's.
my $note = qr/^(?:trusted|user)\.overlay\./;

my @gone;
collect_gone('');
system('umount', $merged) == 0 or die "umount $merged\n";
remove_tree("$lower$_") for @gone;
settle('');

sub names_in {
    my ($directory) = @_;
    opendir my $handle, $directory or die "$directory: $!\n";
    return grep { $_ ne '.' && $_ ne '..' } readdir $handle;
}

# What the lower tree has and the mount has not, or not as a thing of the same kind.
sub collect_gone {
    my ($at) = @_;
    for my $name (names_in("$lower$at")) {
        my $path = "$at/$name";
        my $mode = (lstat "$lower$path")[2];
        my $now = (lstat "$merged$path")[2];
        if (!defined $now || S_ISDIR($now) != S_ISDIR($mode)) { push @gone, $path }
        elsif (S_ISDIR($mode)) { collect_gone($path) }
    }
}

sub remove_tree {
    my ($path) = @_;
    if (!-l $path && -d _) {
        remove_tree("$path/$_") for names_in($path);
        rmdir $path or die "$path: $!\n";
    }
    else { unlink $path or die "$path: $!\n" }
}

sub settle {
    my ($at) = @_;
    for my $name (names_in("$upper$at")) {
        my $path = "$at/$name";
        my @new = lstat "$upper$path";
        # A whiteout: that it hides something is known already.
        next if S_ISCHR($new[2]) && $new[6] == 0;
        if (S_ISDIR($new[2])) {
            mkdir "$lower$path" or die "$lower$path: $!\n" if !-d "$lower$path";
            settle($path);
        }
        elsif (!is_same($path, @new)) {
            forget_notes("$upper$path");
            rename "$upper$path", "$lower$path" or die "$lower$path: $!\n";
        }
    }
    my (undef, undef, $mode, undef, $uid, $gid) = lstat "$upper$at";
    chown $uid, $gid, "$lower$at" or die "$lower$at: $!\n";
    set_attributes("$lower$at", attributes("$upper$at"));
    chmod $mode & 07777, "$lower$at" or die "$lower$at: $!\n";
}

# A file that was only touched stays the repository's.
sub is_same {
    my ($path, @new) = @_;
    my @old = lstat "$lower$path" or return 0;
    return 0 if !S_ISREG($new[2]) || grep { $new[$_] != $old[$_] } 2, 4, 5, 7;
    my ($new, $old) = map { attributes("$_$path") } $upper, $lower;
    return join("\0", map { ($_, $new->{$_}) } sort keys %$new) eq join("\0", map { ($_, $old->{$_}) } sort keys %$old)
      && content("$upper$path") eq content("$lower$path");
}

sub content {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$file> // '';
}

# The extended attributes of a file, but overlayfs' own.
sub attributes {
    my ($path) = @_;
    my %values;
    for my $name (grep { $_ !~ $note } attribute_names($path)) {
        my ($asked, $value) = ("$name\0", "\0" x 65536);
        my $size = syscall($lget, $path, $asked, $value, length $value);
        die "$path: $name: $!\n" if $size < 0;
        $values{$name} = substr $value, 0, $size;
    }
    return \%values;
}

sub set_attributes {
    my ($path, $new) = @_;
    my $old = attributes($path);
    for my $name (grep { !exists $new->{$_} } keys %$old) {
        my $asked = "$name\0";
        syscall($lremove, $path, $asked) == 0 or die "$path: $name: $!\n";
    }
    for my $name (keys %$new) {
        my ($asked, $value) = ("$name\0", $new->{$name});
        syscall($lset, $path, $asked, $value, length $value, 0) == 0 or die "$path: $name: $!\n";
    }
}

sub forget_notes {
    my ($path) = @_;
    for my $name (grep { $_ =~ $note } attribute_names($path)) {
        my $asked = "$name\0";
        syscall($lremove, $path, $asked);
    }
}

sub attribute_names {
    my ($path) = @_;
    my $names = "\0" x 65536;
    my $length = syscall($llist, $path, $names, length $names);
    return $length > 0 ? split /\0/, substr($names, 0, $length) : ();
}
