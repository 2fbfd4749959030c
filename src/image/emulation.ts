import type { Lockfile } from '../apt/lockfile/lockfile.ts';
import type { Architecture, ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { binfmtMagic } from '../emulation/binfmt-magic.ts';
import { type Emulation, type EmulationWish, plainEmulation, qemuNames } from '../emulation/emulation.ts';
import { LockstepError } from '../errors/index.ts';
import { namingStage } from '../ostree/full-disk.ts';
import { assertRuns, canRun, isNative } from '../toolbox/binfmt.ts';
import { probeProgram } from '../toolbox/probe.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { isPassing, type NativeTools, nativeTools } from './native-tools.ts';
import type { Unemulated } from './stage.ts';
import { emulatedScriptArgv } from './stage-script.ts';

export interface EmulationInputs {
  image: ImageConfig;
  lockfile: Lockfile;
  workspace: Pick<Workspace, 'apt'>;
  wish: EmulationWish;
  /** What Node.js calls this machine's processor, unless told otherwise. */
  machine?: NodeJS.Architecture;
}

/** The processor that there are native tools for. */
const toolsMachine: NodeJS.Architecture = 'x64';

/** An answer that may be long in coming. */
export interface EmulationChoice {
  ask(): Promise<Emulation>;
  /** Resolves once nothing is at work for the answer, whatever it is; at once when nobody asked. */
  ended(): Promise<void>;
}

/**
 * Finds out how this image's programs are run, once, when it is first asked for; what it comes to stands in the log. The
 * ways are tried from the fastest on, and all give the same bytes. Throws E_BINFMT when there is none, E_EMULATION when
 * the one wished for is not to be had.
 */
export function chooseEmulation(build: Unemulated, inputs: EmulationInputs): EmulationChoice {
  let chosen: Promise<Emulation> | undefined;
  return {
    ask() {
      chosen ??= choose(build, inputs);
      return chosen;
    },
    async ended() {
      await chosen?.catch(() => {});
    },
  };
}

async function choose(build: Unemulated, inputs: EmulationInputs): Promise<Emulation> {
  const { image, wish, machine = process.arch } = inputs;
  if (isNative(image.arch)) return plainEmulation;
  const note = (text: string) => build.progress.note(`emulation of ${image.arch}: ${text}`);
  const runsPlain = () => canRun(build.toolbox, image.arch);
  if (wish === 'plain' && (await runsPlain())) {
    note('plain');
    return plainEmulation;
  }
  const namespace =
    wish === 'shadow' ? { qemu: null, why: '' } : await probeNamespace(build.toolbox, image.arch, machine);
  if (namespace.qemu === null && wish === 'native') throw notToBeHad(namespace.why);
  if (namespace.qemu === null) await assertRuns(build.toolbox, image.arch);
  const tools = wish === 'plain' || machine !== toolsMachine ? null : await toolsOrNote(build, inputs, note);
  const why = namespace.why === '' ? '' : `; ${namespace.why}`;
  if (namespace.qemu !== null) {
    if (tools !== null) note(tools.description);
    return { way: 'native', ...placeOf(tools), qemu: namespace.qemu, magic: binfmtMagic(image.arch) ?? '' };
  }
  if (tools === null) {
    note(`plain${why}`);
    return plainEmulation;
  }
  note(`${tools.description}, mounted over them while packages are configured${why}`);
  return { ...plainEmulation, way: 'shadow', ...placeOf(tools) };
}

function placeOf(tools: NativeTools | null): Pick<Emulation, 'tools' | 'toolsDigest'> {
  return { tools: tools?.dir ?? null, toolsDigest: tools?.digest ?? null };
}

/** The emulator that works in a namespace of our own, or why none does. */
async function probeNamespace(
  toolbox: Toolbox,
  arch: Architecture,
  machine: NodeJS.Architecture,
): Promise<{ qemu: string; why: '' } | { qemu: null; why: string }> {
  if (machine !== toolsMachine) return { qemu: null, why: `there are no native tools for ${machine}` };
  // The script finds the emulator itself.
  const probing: Emulation = { ...plainEmulation, way: 'native', magic: binfmtMagic(arch) ?? '' };
  const { exitCode, stdout, stderr } = await toolbox.run(
    emulatedScriptArgv('probe-emulation', probing, qemuNames[arch]),
    { isolate: true, input: probeProgram(arch), check: false, timeoutMs: 30_000 },
  );
  const answer = stdout.trim();
  return exitCode === 0 ? { qemu: answer, why: '' } : { qemu: null, why: answer || (stderr.split('\n')[0] ?? '') };
}

/**
 * The best way that a toolbox allows, before any tools are looked for, and why it is no better; null when there is none.
 */
export async function bestWay(
  toolbox: Toolbox,
  arch: Architecture,
  machine: NodeJS.Architecture = process.arch,
): Promise<{ way: Emulation['way'] | null; why: string }> {
  const { qemu, why } = await probeNamespace(toolbox, arch, machine);
  if (qemu !== null) return { way: 'native', why };
  if (!(await canRun(toolbox, arch))) return { way: null, why };
  return { way: machine === toolsMachine ? 'shadow' : 'plain', why };
}

/** The archive may be out of reach, or have moved on, while the debs of the image are all there: that costs time alone. */
async function toolsOrNote(build: Unemulated, inputs: EmulationInputs, note: (text: string) => void) {
  try {
    const tools = await nativeTools(build, inputs.image, inputs.lockfile, inputs.workspace);
    if (tools === null) note('the suites no longer have native builds of what is pinned; all programs are emulated');
    return tools;
  } catch (error) {
    if (!isPassing(error)) throw namingStage(error, 'emulation', build.repo);
    note(`all programs are emulated, as no native builds could be had: ${error.message.split('\n')[0]}`);
    return null;
  }
}

function notToBeHad(why: string): LockstepError {
  return new LockstepError('E_EMULATION', `--emulation native: ${why}`, {
    hint: 'leave `--emulation` out: the best way that works here is then taken',
  });
}
