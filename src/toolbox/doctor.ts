import { execa } from 'execa';
import { canRun, enableCommand } from './binfmt.ts';
import { type Check, lacking, present } from './check.ts';
import { presentBuilder } from './docker/builder.ts';
import { type Engine, findEngine } from './docker/engine.ts';
import { checkDisk, checkFile, checkNode, checkProgram, checkRoot } from './doctor-checks.ts';
import { whyHostCannot } from './host-ready.ts';
import { devicePrograms, neededPrograms } from './programs.ts';
import { whyNotRootless } from './rootless.ts';

export interface Diagnosis {
  checks: Check[];
  /** Which toolboxes would work. */
  docker: boolean;
  host: boolean;
  /** Whether the docker toolbox could be opened without making its image first. */
  builder: boolean;
}

const hostToolbox = 'host toolbox';
const devicesOnHost = 'virtual devices in the host toolbox';

/** Looks at all that lockstep may need of this machine. `dir`: the project's directory, where the space is wanted. */
export async function diagnose(dir: string, signal: AbortSignal): Promise<Diagnosis> {
  const found = await findEngine(signal).catch((error: Error) => error);
  const engine = found instanceof Error ? null : found;
  const host = await whyHostCannot();
  const builder = await checkBuilder(engine);
  const checks = await Promise.all([
    checkNode(),
    checkEngine(found),
    builder,
    checkProgram({ name: 'mmdebstrap', package: 'mmdebstrap' }, 'making the builder image without a registry'),
    checkBinfmt(),
    checkRoot(hostToolbox, process.getuid?.() === 0 ? null : await whyNotRootless()),
    ...neededPrograms.map((program) => checkProgram(program, hostToolbox)),
    ...devicePrograms.map((program) => checkProgram(program, devicesOnHost)),
    checkFile({ name: '/usr/lib/u-boot/qemu_arm/u-boot.bin', package: 'u-boot-qemu' }, devicesOnHost),
    checkProgram({ name: 'ssh', package: 'openssh-client', version: '-V' }, 'logging in to devices by hand'),
    checkDisk(dir),
  ]);
  return { checks, docker: engine !== null, host: host === null, builder: builder.ok };
}

function checkEngine(found: Engine | Error): Check {
  const check = { name: 'Docker engine', needed: 'docker toolbox' };
  if (found instanceof Error) {
    return lacking(check, found.message, 'apt-get install docker.io; this user wants the group docker');
  }
  return present(check, `${found.version} at ${found.address}`);
}

async function checkBuilder(engine: Engine | null): Promise<Check> {
  const check = { name: 'builder image', needed: 'docker toolbox' };
  if (engine === null) return lacking(check, null, 'start a Docker engine first');
  const image = await presentBuilder(engine);
  return image === null ? lacking(check, null, 'nothing to do: it is made when first used') : present(check, image);
}

/** A Docker engine on this machine runs on the same kernel, so one probe here answers for both toolboxes. */
async function checkBinfmt(): Promise<Check> {
  const check = { name: 'armhf programs run here', needed: 'building images for armhf where emulation is not native' };
  const runs = await canRun({ run: runHere }, 'armhf').catch(() => false);
  if (runs) return present(check, 'yes');
  return lacking(check, null, `apt-get install qemu-user-static binfmt-support; ${enableCommand('armhf')}`);
}

const runHere: Parameters<typeof canRun>[0]['run'] = async ([program = '', ...args], { input, timeoutMs } = {}) => {
  const { exitCode, stdout, stderr } = await execa(program, args, {
    input: input as Buffer,
    timeout: timeoutMs,
    reject: false,
  });
  return { exitCode: exitCode ?? 1, stdout, stderr };
};
