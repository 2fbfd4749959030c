import { dataRef } from '../import/import-deb.ts';
import { type ControlFiles, conffilesOf, field, infoName, nameOf } from './control-files.ts';
import type { Settlement } from './file-rules.ts';
import { begunStanza, statusStanza } from './status-stanza.ts';
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

/**
 * The database of a root in which every package is unpacked and none configured, as dpkg itself writes it (dpkg(1),
 * deb-triggers(5); lib/dpkg/dump.c and src/main/unpack.c for the forms). `info/`'s own files came with the packages.
 */
export function unpackedState({ plan: { order, early, late }, settlement }: Unpacking): UnpackedState {
  const stanzas = [...early].sort(byName).map((entry) => `${statusStanza(entry, settlement.obsolete.get(entry))}\n`);
  const admin = [
    { path: 'status', content: stanzas.join('') },
    { path: 'info/format', content: '1\n' },
    // Installers begin with these, and dpkg leaves them as they are.
    { path: 'diversions', content: '' },
    { path: 'statoverride', content: '' },
    ...interestFiles(early),
    ...[...late].flatMap((entry) => heldFiles(entry, settlement)),
    ...order.flatMap((entry, at) => settledFiles(entry, settlement, order.slice(0, at))),
  ];
  return { admin, conffiles: early.flatMap(installedConffiles) };
}

const installedConffiles = (entry: ControlFiles) =>
  conffilesOf(entry)
    .filter(({ remove }) => !remove)
    .map(({ path }) => path);

/** What a step puts into the status file and the trigger interests, when dpkg would. */
function heldFiles(entry: ControlFiles, { obsolete }: Settlement): AdminFile[] {
  const interests = interestFiles([entry]).flatMap(({ path, content }) =>
    textLines(content).map((line) => `${path.replace('triggers/', '')} ${line}\n`),
  );
  return [
    layFile(entry, 'begun', begunStanza(entry)),
    layFile(entry, 'unpacked', statusStanza(entry, obsolete.get(entry))),
    layFile(entry, 'interests', interests.join('')),
  ];
}

/** The list of a package without what another takes over, and what its files must not overwrite when it is laid. */
function settledFiles(entry: ControlFiles, settlement: Settlement, unpacked: readonly ControlFiles[]): AdminFile[] {
  const { replaced, elided, diverted } = settlement;
  const gone = elided.get(entry);
  const files: AdminFile[] = [];
  if (gone !== undefined) {
    const left = entry.list.filter((literal) => !gone.has(literal));
    files.push({ path: `info/${infoName(entry)}.list`, content: joined(left) });
    // It has its files all the same until the other one comes.
    files.push(layFile(entry, 'files', joined(entry.list)));
  }
  const taken = [...(replaced.get(entry) ?? [])].filter(([, heir]) => unpacked.includes(heir));
  if (taken.length > 0) files.push(layFile(entry, 'replaced', joined(taken.map(([literal]) => literal))));
  const guarded = diverted.filter((one) => one.entry === entry && unpacked.includes(one.other));
  if (guarded.length > 0) {
    files.push(layFile(entry, 'diverted', joined(guarded.map(({ literal, other }) => `${literal}\t${nameOf(other)}`))));
  }
  return files;
}

const joined = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
const textLines = (text: string) => text.split('\n').filter((line) => line !== '');

/** A file for the steps, which is gone when the root is configured. */
function layFile(entry: ControlFiles, kind: string, content: string): AdminFile {
  return { path: `lockstep/${infoName(entry)}.${kind}`, content };
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
