import { LockstepError } from '../errors/index.ts';
import { fileConflict } from './file-rules.ts';

/** Which package's script failed, with its last lines, read from what dpkg and the stage's script printed. */
export function configureFailure(output: readonly string[]): LockstepError {
  const text = output.join('\n');
  if (/No space left on device/.test(text)) {
    return new LockstepError('E_DISK_FULL', `the disk is full while the image was configured:\n${tail(output)}`, {
      hint: 'free space under the project’s .lockstep directory, then run again',
    });
  }
  if (/Exec format error/.test(text)) {
    return new LockstepError('E_BINFMT', `this kernel cannot run the image’s programs:\n${tail(output)}`, {
      hint: '`lockstep doctor` tells what is missing',
    });
  }
  const [, conflict] = /^lockstep-file-conflict: (.*)$/m.exec(text) ?? [];
  if (conflict !== undefined) return fileConflict([conflict]);
  const failed = failedScript(text);
  const message = failed === null ? 'configuring the image failed' : `the ${failed.script} of ${failed.package} failed`;
  return new LockstepError('E_CONFIGURE', `${message}:\n${tail(relevant(output, failed?.package))}`);
}

interface FailedScript {
  package: string;
  script: string;
}

function failedScript(text: string): FailedScript | null {
  const [, name, script] =
    /installed (\S+) package (post-installation|pre-installation) script subprocess returned error/.exec(text) ?? [];
  if (name !== undefined) return { package: name, script: script === 'post-installation' ? 'postinst' : 'preinst' };
  const [, broken] = /dpkg: error processing package (\S+)/.exec(text) ?? [];
  if (broken !== undefined) return { package: broken, script: 'configuration' };
  const preinst = [...text.matchAll(/^lockstep-script: (\S+) preinst$/gm)].at(-1);
  const isLast = preinst !== undefined && preinst.index > text.lastIndexOf('\nSetting up ');
  return isLast ? { package: preinst[1]!, script: 'preinst' } : null;
}

/** The lines that belong to the package: from where dpkg set it up to where it gave up. */
function relevant(output: readonly string[], name: string | undefined): readonly string[] {
  const bare = name?.replace(/:.*/, '');
  const start = output.findLastIndex(
    (line) => line.startsWith(`Setting up ${bare} `) || line.startsWith(`Setting up ${bare}:`),
  );
  const end = output.findIndex((line, index) => index > start && line.startsWith('dpkg: error processing'));
  return start < 0 ? output : output.slice(start, end < 0 ? undefined : end + 2);
}

const tail = (lines: readonly string[]) => lines.slice(-15).join('\n');
