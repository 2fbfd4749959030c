/** Quotes a word for a POSIX shell: what sshd hands to the login shell arrives as the word that was meant. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** One shell command line for an argument vector. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}
