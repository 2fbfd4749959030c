/** How finalize moves what packages bring (resources/lockstep/stages/finalize.sh), and merged /usr. */
const moves: readonly [RegExp, string][] = [
  [/^\/etc\//, '/usr/etc/'],
  [/^\/(s?bin|lib)\//, '/usr/$1/'],
  [/^\/boot\/(vmlinuz|config|System\.map)-(.*)$/, '/usr/lib/modules/$2/$1'],
  [/^(?:\/usr)?\/lib\/linux-image-([^/]+)\//, '/usr/lib/modules/$1/dtb/'],
  [/^\/opt\//, '/usr/lib/opt/'],
  [/^\/var\//, '/usr/share/factory/var/'],
];

/** Where a path that dpkg lists may lie in a commit, be it configured only or finalized. */
export function placesOf(listed: string): string[] {
  const path = listed.replace(/^remove-on-upgrade /, '');
  if (!path.startsWith('/')) return [];
  const moved = moves.filter(([from]) => from.test(path)).map(([from, to]) => path.replace(from, to));
  return [path, ...moved];
}
