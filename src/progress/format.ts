/** Megabytes of 10^6 bytes with one decimal, as `ls` and archives count them: `69.5 MB`. */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Milliseconds as people read them: `6.3 s`, `2 min 05 s`, `1 h 07 min`. */
export function formatElapsed(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** `12/173 debs` when the total is known, `12 debs` when not, nothing before the first of an unknown number. */
export function formatCount(count: number, total: number | undefined, unit: string | undefined): string {
  const suffix = unit === undefined ? '' : ` ${unit}`;
  if (total !== undefined && count < total) return `${count}/${total}${suffix}`;
  return count === 0 ? '' : `${count}${suffix}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
