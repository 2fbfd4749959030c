/**
 * Shell functions of scripts that run on devices, of the shell's own commands alone: each program that a slow board starts
 * takes it some hundredths of a second. `show FILE` prints a small text file, nothing when there is none; `uptime_seconds`
 * sets `$uptime`.
 */
export const scriptFunctions = `
show() {
  [ -r "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done <"$1"
}
uptime_seconds() { read -r uptime _ </proc/uptime; uptime=\${uptime%%.*}; }`;

/** Bytes as the format of a shell's own \`printf\`. */
export function printfFormat(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
