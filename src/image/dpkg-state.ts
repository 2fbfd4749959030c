import { type ControlFiles, conffilesOf, field, infoName, nameOf } from './control-files.ts';
import type { Settlement } from './file-rules.ts';
import { dataRef } from './import-deb.ts';
import { statusStanza } from './status-stanza.ts';
import { interestFiles } from './trigger-interests.ts';
import { byName } from './unpack-plan.ts';
import type { Unpacking } from './unpacking.ts';

/** A file under /var/lib/dpkg. */
export interface AdminFile {
  path: string;
  /** One character for each byte (latin1). */
  content: string;
}

/** What `dpkg --unpack` would have left behind beside the files themselves. */
export interface UnpackedState {
  admin: AdminFile[];
  /** Absolute paths of `early` packages that dpkg would have unpacked as `<path>.dpkg-new`, until it configures. */
  conffiles: string[];
}

/** Files for the steps that lay packages, gone when the root is configured. */
export const layDirectory = 'lockstep';

/**
 * The database of a root in which every package is unpacked and none configured, as dpkg itself writes it (dpkg(1),
 * deb-triggers(5); lib/dpkg/dump.c and src/main/unpack.c for the forms). `info/`'s own files came with the packages.
 */
export function unpackedState({ plan: { order, early }, settlement }: Unpacking): UnpackedState {
  const stanzas = [...order].sort(byName).map((entry) => statusStanza(entry, settlement.obsolete.get(entry)));
  const admin = [
    { path: 'status', content: stanzas.join('') },
    { path: 'info/format', content: '1\n' },
    { path: 'diversions', content: '' },
    { path: 'statoverride', content: '' },
    ...interestFiles(order),
    ...order.flatMap((entry) => settledFiles(entry, settlement)),
  ];
  return { admin, conffiles: early.flatMap((entry) => installedConffiles(entry, settlement)) };
}

function installedConffiles(entry: ControlFiles, { replaced }: Settlement): string[] {
  const given = replaced.get(entry);
  const files = conffilesOf(entry).filter(({ path, remove }) => !remove && given?.has(path) !== true);
  return files.map(({ path }) => path);
}

/** The list of a package without what another has taken over, and what its files must not overwrite when it is laid. */
function settledFiles(entry: ControlFiles, { replaced, elided, diverted }: Settlement): AdminFile[] {
  const [given, gone] = [replaced.get(entry), elided.get(entry)];
  const guarded = diverted.filter((one) => one.entry === entry);
  const files: AdminFile[] = [];
  if (gone !== undefined) {
    const left = entry.list.filter((literal) => !gone.has(literal));
    files.push({ path: `info/${infoName(entry)}.list`, content: left.map((literal) => `${literal}\n`).join('') });
  }
  if (given !== undefined) {
    files.push({ path: `${layDirectory}/${infoName(entry)}.replaced`, content: [...given].join('\n') });
  }
  if (guarded.length > 0) {
    const lines = guarded.map(({ literal, other }) => `${literal}\t${nameOf(other)}`);
    files.push({ path: `${layDirectory}/${infoName(entry)}.diverted`, content: lines.join('\n') });
  }
  return files;
}

/** The steps of a plan as `stages/unpack.sh` takes them, one a line. */
export function stepLines({ plan, debs }: Unpacking): string {
  const lines = plan.steps.map((step) => {
    if (step.verb === 'configure') return `configure ${step.entries.map(infoName).join(' ')}`;
    if (step.verb === 'activate') return `activate ${step.trigger} ${step.by === null ? '-' : nameOf(step.by)}`;
    const { entry } = step;
    return `${step.verb} ${nameOf(entry)} ${field(entry, 'Architecture')} ${infoName(entry)} ${dataRef(debs.get(entry)!)}`;
  });
  return lines.join('\n');
}
