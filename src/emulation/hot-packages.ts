/**
 * Packages whose programs maintainer scripts and dracut start by the thousand, and which do the same on any
 * architecture. python3 is not among them: the order of a frozenset in a .pyc depends on the width of a word.
 */
export const hotPackages: readonly string[] = [
  ...['bash', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'gawk', 'grep', 'hostname', 'mawk', 'sed'],
  ...['bzip2', 'cpio', 'gzip', 'lz4', 'tar', 'xz-utils', 'zstd'],
  ...['bsdutils', 'login', 'mount', 'passwd', 'procps', 'util-linux', 'util-linux-extra'],
  ...['dpkg', 'dracut-core', 'kmod', 'openssl', 'perl-base', 'systemd', 'udev'],
];

/** Programs of these packages whose answer depends on the architecture, or on where they are: they stay emulated. */
export const staysEmulated: readonly string[] = [
  ...['arch', 'uname', 'nproc', 'setarch', 'linux32', 'linux64', 'uname26', 'i386', 'x86_64', 'lscpu', 'getconf'],
  ...['systemd-detect-virt', 'systemd', 'init', 'ldconfig', 'ldd', 'stdbuf', 'start-stop-daemon'],
];

/** Programs that have the name of their architecture built in; their native builds are given that of the image. */
export const namesArchitecture: readonly string[] = [
  ...['dpkg', 'dpkg-deb', 'dpkg-divert', 'dpkg-query', 'dpkg-split', 'dpkg-statoverride', 'dpkg-trigger'],
  'update-alternatives',
];

/** A package that other packages' compiled modules belong to: it may run natively only with their twins at hand. */
export const perl = 'perl-base';
