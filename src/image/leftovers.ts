/** What the shell scripts of stages tell of programs beside what they are there for. */

/** What the log says of a line of `stages/left-running.sh`; null for any other. */
export function leftRunning(line: string): string | null {
  const [, owner, command] = /^lockstep-left: (\S+) (.*?) *$/.exec(line) ?? [];
  if (owner === undefined) return null;
  const whose = owner === '-' ? 'a script' : `a script of ${owner}`;
  return `${whose} left a program running, which was ended: ${command}`;
}

/** The names in the lines of `stages/killed.sh`, sorted. */
export function killedPrograms(output: readonly string[]): string[] {
  const prefix = 'lockstep-killed: ';
  return output
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length))
    .sort();
}
