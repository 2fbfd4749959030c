import type { Architecture } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import { probeExitCode, probeProgram } from './probe.ts';
import type { Toolbox } from './toolbox.ts';

/** Debian's names of the architectures that Node runs on. */
const nativeNames: Partial<Record<NodeJS.Architecture, Architecture>> = { x64: 'amd64', arm64: 'arm64', arm: 'armhf' };

/** Whether this machine runs programs of the architecture without emulation. */
export function isNative(arch: Architecture): boolean {
  return nativeNames[process.arch] === arch;
}

/** /tmp may be mounted noexec, /var/tmp hardly ever is. */
const runFromInput =
  'f=$(mktemp /var/tmp/lockstep-probe.XXXXXX) && cat >"$f" && chmod 700 "$f" && "$f"; e=$?; rm -f "$f"; exit $e';

/**
 * Throws E_BINFMT unless the toolbox can run programs of the architecture. Found out by running one: the kernel's table
 * of interpreters cannot be seen from inside a container, where it works all the same.
 */
export async function assertRuns(toolbox: Toolbox, arch: Architecture): Promise<void> {
  if (isNative(arch)) return;
  if (await canRun(toolbox, arch)) return;
  const where = toolbox.kind === 'docker' ? 'the machine that runs the Docker engine' : 'this machine';
  throw new LockstepError('E_BINFMT', `${where} cannot run ${arch} programs: binfmt_misc has no entry for them`, {
    hint: `on it, as root: apt-get install qemu-user-static binfmt-support && ${enableCommand(arch)}`,
  });
}

/** Whether a program of the architecture, which does nothing but exit, runs in the toolbox. */
export async function canRun(toolbox: Pick<Toolbox, 'run'>, arch: Architecture): Promise<boolean> {
  const { exitCode } = await toolbox.run(['sh', '-c', runFromInput], {
    input: probeProgram(arch),
    check: false,
    timeoutMs: 30_000,
  });
  return exitCode === probeExitCode;
}

/** How binfmt-support enters qemu for the architecture. */
export function enableCommand(arch: Architecture): string {
  const qemu = { armhf: 'qemu-arm', arm64: 'qemu-aarch64', amd64: 'qemu-x86_64' }[arch];
  return `update-binfmts --enable ${qemu}`;
}
