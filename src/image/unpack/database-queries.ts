import path from 'node:path';

/** Programs of dpkg that read its status file and tell nobody what versions it holds. */
const discreet = ['dpkg', 'dpkg-divert', 'dpkg-statoverride', 'dpkg-trigger', 'update-alternatives'];

/** What dpkg-query(1) does without telling a version, and what tells it of the packages that match patterns. */
const discreetActions = [
  '-L',
  '--listfiles',
  '-S',
  '--search',
  '-c',
  '--control-path',
  '--control-list',
  '--control-show',
];
const tellingActions = ['-l', '--list', '-s', '--status', '-W', '--show', '-p', '--print-avail'];

/**
 * Of which packages somebody may have learnt the version from dpkg's status file: patterns as dpkg-query takes them, from
 * the command lines of those who opened it. `*` stands where one is not understood.
 */
export function patternsAsked(commandLines: readonly (readonly string[])[]): string[] {
  return [...new Set(commandLines.flatMap(patternsOf))].sort();
}

function patternsOf(argv: readonly string[]): string[] {
  const [name = '', ...args] = withoutEmulator(argv);
  if (discreet.includes(path.basename(name))) return [];
  if (path.basename(name) !== 'dpkg-query') return ['*'];
  if (args.some((word) => discreetActions.includes(word))) return [];
  const patterns = args.filter((word) => !word.startsWith('-'));
  return args.some((word) => tellingActions.includes(word)) && patterns.length > 0 ? patterns : ['*'];
}

/** An emulator is given the program's path, and from binfmt_misc its argv[0] as well. */
function withoutEmulator(argv: readonly string[]): readonly string[] {
  const [emulator = '', program = '', name = ''] = argv;
  if (!/^(qemu|.*binfmt)/.test(path.basename(emulator))) return argv;
  return path.basename(program) === path.basename(name) ? argv.slice(2) : argv.slice(1);
}

/** Whether one of the patterns may mean the package. */
export function isAsked(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => globbed(pattern.replace(/:[^:]*$/, '')).test(name));
}

/** More than dpkg's own globs where it is not simple: rather one time too many. */
function globbed(pattern: string): RegExp {
  const text = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll(/\[.*\]|\*/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`);
}
