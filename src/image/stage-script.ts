import type { Emulation } from '../emulation/emulation.ts';
import { dispatchDir, nativeDir } from '../emulation/layout.ts';
import { resourceText } from '../resources.ts';

/** Shell functions that the scripts of several stages use. */
const shared = [
  'api-filesystems',
  'run-scripts',
  'traces',
  'emulation',
  'writable-root',
  'left-running',
  'killed',
  'recording',
];

/** Perl programs that they start, by the variable that holds the text. */
const programs = {
  hold_namespace: 'hold-namespace',
  register_natives: 'register-natives',
  record_opened: 'record-opened',
  settle_changes: 'settle-changes',
};

/** The text of a stage's shell script, with the functions that it uses before it. */
export function stageScript(name: string): string {
  const functions = name === 'configure' ? [unpackFunctions()] : [];
  const texts = shared.map((part) => resourceText(`stages/${part}.sh`));
  const variables = Object.entries(programs).map(([variable, file]) => programVariable(variable, file));
  return [...texts, ...variables, ...functions, resourceText(`stages/${name}.sh`)].join('\n');
}

/** The functions that unpack packages; the programs that they lay files and start scripts with are their variables. */
export function unpackFunctions(): string {
  const variables = [programVariable('lay_program', 'lay-package'), programVariable('enter_root', 'enter-root')];
  return [resourceText('stages/unpack.sh'), ...variables].join('\n');
}

function programVariable(name: string, file: string): string {
  return `${name}=${quoted(resourceText(`stages/${file}.pl`))}`;
}

/** No start-up file: bash reads one where its input is a socket, taking itself for a remote shell's. */
const shell = ['bash', '--norc', '-euo', 'pipefail', '-c'];

/** argv that runs a stage's script with arguments; it starts no program of the image. */
export function plainScriptArgv(name: string, ...args: string[]): string[] {
  return [...shell, stageScript(name), name, ...args];
}

/** argv that runs a stage's script with arguments, programs of the image emulated in the way given. */
export function emulatedScriptArgv(name: string, emulation: Emulation, ...args: string[]): string[] {
  const text = `${variables(emulation)}\n${stageScript(name)}`;
  return [...shell, text, name, ...args];
}

/** What `stages/emulation.sh` expects to be set. */
function variables({ way, tools, qemu, magic }: Emulation): string {
  const values = { way, tools: tools ?? '', native: nativeDir, dispatch: dispatchDir, qemu, magic };
  return Object.entries(values)
    .map(([name, value]) => `emulation_${name}=${quoted(value)}`)
    .join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
