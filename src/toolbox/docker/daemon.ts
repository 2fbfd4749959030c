import { appendFile, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import { LockstepError } from '../../errors/index.ts';
import { toolEnvironment, toolFailure } from '../tool-failure.ts';
import type { DaemonSpec } from '../toolbox.ts';
import { containerGone, removeContainer } from './container.ts';
import { type Engine, engineError, statusOf } from './engine.ts';
import { kindLabel, type Project, projectDigest, projectLabel, projectMounts } from './mounts.ts';

/** A program that refuses its arguments ends within this time, and is reported as failed instead of as running. */
const failsWithinMs = 250;

/** Seconds between SIGTERM and SIGKILL. */
const graceSeconds = 10;

/**
 * Starts a program in a container of its own, which outlives this process. It shares this machine's network, so that a
 * port that QEMU forwards on loopback is this machine's loopback.
 */
export async function startDaemon(engine: Engine, image: string, project: Project, spec: DaemonSpec): Promise<void> {
  const container = engine.docker.getContainer(spec.name);
  if (await isRunning(container)) {
    throw new LockstepError('E_BUSY', `${spec.name} is running already`, { hint: 'stop it first' });
  }
  await removeContainer(container);
  // So that whoever reads the log finds it there from the start.
  await appendFile(spec.log, '');
  try {
    const created = await engine.docker.createContainer({
      name: spec.name,
      Image: image,
      Cmd: ['sh', '-c', 'umask 022; exec "$@" >>"$0" 2>&1', spec.log, ...spec.argv],
      WorkingDir: spec.cwd,
      Env: Object.entries(toolEnvironment).map(([name, value]) => `${name}=${value}`),
      Labels: { [projectLabel]: projectDigest(project.root), [kindLabel]: 'daemon' },
      HostConfig: {
        Init: true,
        AutoRemove: true,
        RestartPolicy: { Name: 'no' },
        NetworkMode: 'host',
        CapDrop: ['ALL'],
        // The project's files may belong to another user than root.
        CapAdd: ['DAC_OVERRIDE'],
        SecurityOpt: ['no-new-privileges'],
        Mounts: projectMounts(project),
      },
    });
    // Asked before the start: once it has ended the container is gone, and its exit code with it.
    const ended = created.wait({ condition: 'next-exit' }).then(
      ({ StatusCode }: { StatusCode: number }) => StatusCode,
      () => undefined,
    );
    await created.start();
    const exitCode = await Promise.race([ended, sleep(failsWithinMs, undefined)]);
    if (exitCode !== undefined && exitCode !== 0) {
      throw toolFailure({ argv: spec.argv, exitCode, stderr: await readFile(spec.log, 'utf8').catch(() => '') });
    }
  } catch (error) {
    await removeContainer(container).catch(() => {});
    throw engineError(`starting ${spec.name}`, error);
  }
}

export async function daemonRunning(engine: Engine, name: string): Promise<boolean> {
  return isRunning(engine.docker.getContainer(name));
}

/** Stops it and returns when it is gone; nothing to do when it is not there. */
export async function stopDaemon(engine: Engine, name: string, { kill = false } = {}): Promise<void> {
  const container = engine.docker.getContainer(name);
  try {
    await (kill ? container.kill() : container.stop({ t: graceSeconds }));
  } catch (error) {
    // 304 and 409: it is not running; 404: it is not there.
    if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw engineError(`stopping ${name}`, error);
  }
  // AutoRemove takes it away; a container that was never started has to be removed.
  await containerGone(container, 2_000).catch(() => removeContainer(container));
}

async function isRunning(container: Container): Promise<boolean> {
  try {
    return (await container.inspect()).State.Running;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw engineError('looking for a virtual device', error);
  }
}
