import { execa } from 'execa';

/** What Debian's own reader (Dpkg::Changelog, behind dpkg-parsechangelog) makes of an entry. */
export interface ReferenceEntry {
  source: string | null;
  version: string | null;
  distributions: string[];
  urgency: string | null;
  maintainer: string | null;
  date: string | null;
  changes: string;
}

const program = String.raw`
use strict; use warnings;
use Dpkg::Changelog::Debian; use JSON::PP;
my $json = JSON::PP->new->utf8->canonical;
while (defined(my $line = <STDIN>)) {
  my ($file, $since, $to) = @{ $json->decode($line) };
  my $changelog = Dpkg::Changelog::Debian->new(verbose => 0);
  open my $handle, '<:raw', \Encode::encode_utf8($file) or die;
  $changelog->parse($handle, 'text');
  local $SIG{__WARN__} = sub { };
  my $range = { defined $since ? (since => $since) : (), defined $to ? (to => $to) : () };
  $range = { all => 1 } unless %$range;
  my @all = $changelog->get_range($range);
  my $closes = [];
  if (@all) {
    my ($closed) = $changelog->format_range('dpkg', $range)->output() =~ /^Closes: (.*)$/m;
    $closes = [ map { $_ + 0 } split ' ', $closed // '' ];
  }
  my @entries = map {
    my $changes = join "\n", map { s/\s+$//r } @{ $_->get_part('changes') };
    my $version = $_->get_version();
    {
      source => $_->get_source(), version => defined $version ? "$version" : undef,
      distributions => [ $_->get_distributions() ], urgency => scalar $_->get_urgency(),
      maintainer => Encode::decode_utf8($_->get_maintainer()), date => $_->get_timestamp(),
      changes => Encode::decode_utf8($changes),
    }
  } @all;
  print $json->encode({ entries => \@entries, closes => $closes }), "\n";
}
`;

export interface Question {
  text: string;
  since?: string;
  to?: string;
}

/** One process for all. */
export async function dpkgChangelogs(
  questions: readonly Question[],
): Promise<{ entries: ReferenceEntry[]; closes: number[] }[]> {
  const input = questions
    .map(({ text, since, to }) => `${JSON.stringify([text, since ?? null, to ?? null])}\n`)
    .join('');
  const { stdout } = await execa('perl', ['-MEncode', '-e', program], { input, maxBuffer: 1024 ** 3 });
  return stdout.split('\n').map((line) => JSON.parse(line));
}
