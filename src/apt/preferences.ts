import type { PinConfig } from '../config/types.ts';

/** Label of the archive that the project's own debs are to apt. */
export const localLabel = 'lockstep-local';

/**
 * apt_preferences(5) of an image: its pins, and no `usrmerge`, whose maintainer script rewrites the root that it is
 * configured in; apt then takes `usr-is-merged`, the other package that fulfils the same dependency.
 * @param local whether the project has debs of its own, which then win over the archive's
 */
export function preferences(pins: readonly PinConfig[], local = false): string {
  const stanza = (name: string, pin: string, priority: number) =>
    `Package: ${name}\nPin: ${pin}\nPin-Priority: ${priority}\n`;
  return [
    stanza('usrmerge', 'release *', -1),
    // Above 1000 a pin wins whatever else is newer.
    ...(local ? [stanza('*', `release l=${localLabel}`, 1001)] : []),
    ...pins.map((pin) => stanza(pin.package, `version ${pin.version}`, 1001)),
  ].join('\n');
}

/** Whether a version is one that a pin means: the pin's `*` stands for any text, `?` for one character. */
export function pinMatches(pin: PinConfig, version: string): boolean {
  const pattern = pin.version
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 's').test(version);
}
