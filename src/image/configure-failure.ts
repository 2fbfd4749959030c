import { LockstepError } from '../errors/index.ts';
import { timeoutHint } from './run-script.ts';
import { fileConflict } from './unpack/file-rules.ts';

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
  const last = tail(relevant(output, failed?.package));
  return new LockstepError('E_CONFIGURE', `${message}:\n${last}`, { hint: hintFor(last) });
}

/** The same for scripts that did not end in time: whichever is at work then. */
export function configureTimeout(output: readonly string[], limitMs: number): LockstepError {
  const text = output.join('\n');
  const [begun] = [...text.matchAll(/^(?:Setting up|Processing triggers for) (\S+) .*$/gm)].slice(-1);
  const preinst = preinstAtWork(text);
  const [script, name] = preinst === null ? ['postinst', begun?.[1]] : ['preinst', preinst];
  const what = name === undefined ? 'configuring the image' : `the ${script} of ${name}`;
  const message = `${what} did not end, and configuring had ${limitMs / 1000} s:\n${tail(relevant(output, name))}`;
  return new LockstepError('E_CONFIGURE', message, { hint: timeoutHint });
}

/** What a script needs may be what no image that is being made has. */
function hintFor(last: string): string {
  if (/was killed by signal/.test(last)) return 'a program was killed, by hand or for want of memory: run it again';
  if (/Operation not permitted|Read-only file system|Permission denied/.test(last)) {
    return 'it may change nothing but the image: not the kernel’s settings, mounts or devices of the machine that builds';
  }
  return 'it ran in the image, as root, without network, services or a terminal: `lockstep explain E_CONFIGURE`';
}

interface FailedScript {
  package: string;
  script: string;
}

function failedScript(text: string): FailedScript | null {
  const [, name, script] =
    /installed (\S+) package (post-installation|pre-installation) script subprocess (?:returned|was)/.exec(text) ?? [];
  if (name !== undefined) return { package: name, script: script === 'post-installation' ? 'postinst' : 'preinst' };
  const [, broken] = /dpkg: error processing package (\S+)/.exec(text) ?? [];
  if (broken !== undefined) return { package: broken, script: 'configuration' };
  const preinst = preinstAtWork(text);
  return preinst === null ? null : { package: preinst, script: 'preinst' };
}

/** The package whose preinst began last, unless dpkg configured another one since. */
function preinstAtWork(text: string): string | null {
  const preinst = [...text.matchAll(/^lockstep-script: (\S+) preinst$/gm)].at(-1);
  const isLast = preinst !== undefined && preinst.index > text.lastIndexOf('\nSetting up ');
  return isLast ? preinst[1]! : null;
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
