import { LockstepError } from '../errors/index.ts';
import { missingPrograms, neededPrograms } from './programs.ts';
import { whyNotRootless } from './rootless.ts';

/** Throws E_TOOLBOX_TOOL unless this process is root, or can be in a namespace, and has the programs of the host toolbox. */
export async function assertHostReady(): Promise<void> {
  const reason = await whyHostCannot();
  if (reason === null) return;
  throw new LockstepError('E_TOOLBOX_TOOL', `this host cannot be the toolbox: ${reason}`, {
    hint: 'see `lockstep doctor`, or use `--toolbox docker`',
  });
}

/** One line; null when it can. */
export async function whyHostCannot(): Promise<string | null> {
  if (process.getuid?.() !== 0) {
    const reason = await whyNotRootless();
    if (reason !== null) return `it wants root, and ${reason}`;
  }
  const missing = await missingPrograms(neededPrograms);
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map((program) => program.package))];
  return `it lacks ${missing.map(({ name }) => name).join(', ')} (apt-get install ${packages.join(' ')})`;
}
