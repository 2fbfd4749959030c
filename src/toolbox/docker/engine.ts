import Docker from 'dockerode';
import { LockstepError } from '../../errors/index.ts';

/** A Docker engine that answers. */
export interface Engine {
  docker: Docker;
  /** Where it listens, for messages: the socket's path or `DOCKER_HOST`. */
  address: string;
  version: string;
  /** Go's name of its architecture: amd64, arm64, arm. */
  arch: string;
}

/** An engine that is there answers at once; one that hangs must not hold up the choice of the toolbox. */
const usualPatienceMs = 5_000;

/** The socket that an engine listens on when `DOCKER_HOST` does not say otherwise. */
const usualSocket = '/var/run/docker.sock';

/** Finds the engine that `DOCKER_HOST` names, or the one on this machine. Throws E_TOOLBOX_ENGINE saying why there is none. */
export async function findEngine(signal?: AbortSignal, answerWithinMs = usualPatienceMs): Promise<Engine> {
  const address = process.env.DOCKER_HOST || usualSocket;
  try {
    const docker = new Docker();
    const timeout = AbortSignal.timeout(answerWithinMs);
    const { Version, Arch } = await versionOf(
      docker,
      signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    );
    return { docker, address, version: Version, arch: Arch };
  } catch (error) {
    throw new LockstepError('E_TOOLBOX_ENGINE', `no Docker engine at ${address}: ${whyNot(error, answerWithinMs)}`, {
      cause: error,
    });
  }
}

/** dockerode takes options here, its types do not know it. */
function versionOf(docker: Docker, abortSignal: AbortSignal): Promise<Docker.DockerVersion> {
  const version = docker.version as (options: { abortSignal: AbortSignal }) => Promise<Docker.DockerVersion>;
  return version.call(docker, { abortSignal });
}

function whyNot(error: unknown, answerWithinMs: number): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such socket';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'EACCES') return 'this user may not use the socket (it wants membership of the group docker)';
  if (name === 'AbortError' || name === 'TimeoutError') return `no answer within ${answerWithinMs / 1000} s`;
  return message;
}

/** What the engine refused, as E_TOOLBOX_ENGINE; errors that are lockstep's own pass unchanged. */
export function engineError(doing: string, error: unknown): LockstepError {
  if (error instanceof LockstepError) return error;
  const { message } = error as Error;
  if (/no space left on device/i.test(message)) {
    return new LockstepError('E_DISK_FULL', `the Docker engine’s disk is full while ${doing}: ${message}`, {
      hint: 'free space in its data directory: `docker system df` shows what takes it',
      cause: error,
    });
  }
  return new LockstepError('E_TOOLBOX_ENGINE', `the Docker engine failed while ${doing}: ${message}`, {
    hint: '`lockstep doctor` checks the engine; `--toolbox host` does without it',
    cause: error,
  });
}

/** The HTTP status that the engine answered with; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}
