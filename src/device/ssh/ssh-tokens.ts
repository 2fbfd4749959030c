import path from 'node:path';

/**
 * Replaces `%h` and `${NAME}` as ssh_config(5) has them, section TOKENS; `ssh -G` leaves them as they are. What is no
 * token here stays: the file of that name will not be there.
 */
export function expandTokens(text: string, tokens: Record<string, string>, environment: NodeJS.ProcessEnv): string {
  return text
    .replace(/%(.)/g, (whole, letter: string) => tokens[letter] ?? whole)
    .replace(/\$\{([A-Za-z_]\w*)\}/g, (whole, name: string) => environment[name] ?? whole);
}

/** `~/x` in the home directory; `~other/x` is left alone. */
export function expandTilde(file: string, home: string): string {
  if (file === '~') return home;
  return file.startsWith('~/') ? path.join(home, file.slice(2)) : file;
}
