/** How durations are written: `500ms`, `30s`, `5m`, `1h`, `3d`. */
export const durationPattern = /^([0-9]+)(ms|s|m|h|d)$/;

/** A duration in milliseconds; NaN when it is not written as one. */
export function milliseconds(duration: string): number {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, count, unit] = durationPattern.exec(duration) ?? [];
  return Number(count) * units[unit as keyof typeof units];
}
