import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { OverlayEntry } from './overlay-entry.ts';

/** Where an entry of an overlay lies in a root once the links on its way are followed. */
export type Places = (name: string, kind: OverlayEntry['kind']) => string;

/**
 * Follows links as a chroot would: one to /etc/ssl leads to the root's own, never to this machine's, and none climbs out.
 * Reads directories as "path\0" and answers "path\0place\0" for each that lies elsewhere.
 */
const script = `
chdir shift or die; $/ = "\\0"; binmode STDOUT;
sub place {
  my @todo = split m{/}, shift;
  my @done; my $left = 40;
  while (@todo) {
    my $next = shift @todo;
    next if $next eq "" || $next eq ".";
    if ($next eq "..") { pop @done; next; }
    my $path = join "/", @done, $next;
    if (!-l $path) { push @done, $next; next; }
    my $target = readlink $path;
    die "$path: too many links on the way\\n" unless $left--;
    @done = () if $target =~ m{^/};
    unshift @todo, split m{/}, $target;
  }
  return join "/", @done;
}
while (my $path = <STDIN>) {
  chomp $path;
  my $place = place($path);
  print "$path\\0$place\\0" if $place ne $path;
}`;

/** Finds out where the directories that entries name, or lie in, are in a root. Throws E_OVERLAY. */
export async function placesIn(toolbox: Toolbox, root: string, entries: readonly OverlayEntry[]): Promise<Places> {
  const directories = new Set(entries.map(({ name, kind }) => (kind === 'directory' ? name : parentOf(name))));
  directories.delete('');
  const input = [...directories].map((name) => `${name}\0`).join('');
  const { exitCode, stdout, stderr } = await toolbox.run(['perl', '-e', script, root], { input, check: false });
  if (exitCode !== 0) throw new LockstepError('E_OVERLAY', `the overlay cannot be laid over the image: ${stderr}`);
  const words = stdout.split('\0');
  const moved = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) moved.set(words[at] ?? '', words[at + 1] ?? '');
  return placesFrom(moved);
}

/** @param moved directories that lie elsewhere than their names say */
export function placesFrom(moved: ReadonlyMap<string, string>): Places {
  const directory = (name: string) => moved.get(name) ?? name;
  return (name, kind) => {
    if (kind === 'directory') return directory(name) || '.';
    const parent = directory(parentOf(name));
    const base = name.slice(name.lastIndexOf('/') + 1);
    return parent === '' ? base : `${parent}/${base}`;
  };
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}
