import { stringify } from 'yaml';
import { configName, parseConfig } from '../config/load.ts';
import { type Draft, type ImageDraft, noteText } from './draft.ts';

/**
 * lockstep.yml of a draft, with what could not be carried over as comments below. Throws E_CONFIG_* when something of the draft
 * is nothing that lockstep.yml can say.
 */
export function projectText({ image, device, notes }: Draft, { name, from }: { name: string; from: string }): string {
  const devices = device === undefined ? {} : { devices: { [device.name]: deviceEntry(device, name) } };
  const value = { images: { [name]: imageEntry(image) }, ...devices };
  const text = stringify(value, { lineWidth: 0, defaultStringType: 'PLAIN' });
  const told = notes.map((note) => `# ${noteText(note).replaceAll('\n', ' ')}\n`).join('');
  const lost = notes.length === 0 ? '' : `\n# Not carried over:\n${told}`;
  const whole = `# Written by \`lockstep init\` from ${from}.\n# For editors: \`lockstep init --schema > lockstep.schema.json\`\n\n${text}${lost}`;
  parseConfig(configName, whole);
  return whole;
}

/** In the order of the documentation. */
function imageEntry(image: ImageDraft): object {
  const { arch, suites, components, mirror, base, recommends, packages, exclude, pins } = image;
  const all = { arch, suites, components, mirror, base, recommends, packages, exclude, pins };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function deviceEntry({ host, port, user, hostKey }: NonNullable<Draft['device']>, image: string): object {
  const entry = { host, port, user, hostKey, image };
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}
