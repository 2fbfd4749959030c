import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Container, ContainerInfo } from 'dockerode';
import { identify, isAlive } from '../process-identity.ts';
import { toolEnvironment } from '../tool-failure.ts';
import { removeContainer } from './container.ts';
import { type Engine, engineError } from './engine.ts';
import { pidDir } from './exec.ts';
import { kindLabel, mountMissing, type Project, projectDigest, projectLabel, projectMounts } from './mounts.ts';

/**
 * A container that lives exactly as long as this process: its only program waits for the end of its input, which this
 * process holds. When the process dies, however it dies, the engine closes that input, and the container goes with every
 * program started in it and everything they mounted.
 */
export interface Lease {
  container: Container;
  /** Resolves when the container has ended. */
  ended: Promise<void>;
  /** Takes the container away and returns when it is gone. Safe to call twice. */
  release(): Promise<void>;
}

/** What ostree, dpkg, overlay mounts and chroots need of root. Without FSETID setgid bits vanish silently. */
const capabilities = [
  ...['SYS_ADMIN', 'SYS_CHROOT', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'],
  // SETPCAP takes from maintainer scripts what they have no need of, SYS_PACCT tells which of their programs were killed.
  ...['SETUID', 'SETGID', 'MKNOD', 'SETFCAP', 'SETPCAP', 'SYS_PACCT', 'KILL'],
];

/** Container label: pid namespace, pid and start time of the agent that holds the lease. */
const holderLabel = 'lockstep.holder';

export async function openLease(engine: Engine, image: string, project: Project): Promise<Lease> {
  await sweepLeases(engine, project);
  const container = await createContainer(engine, image, project);
  try {
    const hold = (await container.attach({ stream: true, stdin: true, hijack: true })) as Duplex;
    // A broken hold is seen as the container's end.
    hold.on('error', () => {});
    hold.resume();
    const ended = new Promise<void>((resolve) => hold.once('close', resolve));
    await container.start();
    return { container, ended, release: () => removeContainer(container).finally(() => hold.destroy()) };
  } catch (error) {
    await removeContainer(container).catch(() => {});
    throw engineError('starting the builder container', error);
  }
}

async function createContainer(engine: Engine, image: string, project: Project): Promise<Container> {
  const digest = projectDigest(project.root);
  try {
    return await engine.docker.createContainer({
      name: `lockstep-${digest}-${randomBytes(4).toString('hex')}`,
      Image: image,
      Cmd: ['cat'],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: false,
      AttachStderr: false,
      WorkingDir: '/',
      Env: Object.entries({ ...proxies(), ...toolEnvironment }).map(([name, value]) => `${name}=${value}`),
      Labels: { [projectLabel]: digest, [kindLabel]: 'lease', [holderLabel]: await holderMark() },
      HostConfig: {
        Init: true,
        AutoRemove: true,
        CapDrop: ['ALL'],
        CapAdd: capabilities,
        // The default AppArmor profile refuses mounts; the default seccomp filter stays.
        SecurityOpt: ['apparmor=unconfined', 'no-new-privileges'],
        // apt must reach what this process reaches, as that fetches the debs: a mirror on loopback, a VPN's resolver, a proxy.
        NetworkMode: 'host',
        Mounts: projectMounts(project),
        Tmpfs: { [pidDir]: 'rw,nosuid,nodev,mode=700,size=4m' },
      },
    });
  } catch (error) {
    if (/bind source path does not exist/.test((error as Error).message)) {
      throw mountMissing(engine.address, project, error);
    }
    throw engineError('creating the builder container', error);
  }
}

/** The proxy settings that apt knows. */
function proxies(): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** Takes away what a crash of the engine or of an agent left behind for this project; leases of living agents stay. */
async function sweepLeases({ docker }: Engine, { root }: Project): Promise<void> {
  const label = [`${projectLabel}=${projectDigest(root)}`, `${kindLabel}=lease`];
  try {
    const found = await docker.listContainers({ all: true, filters: { label } });
    for (const info of found) {
      if (await isLeftOver(info)) await removeContainer(docker.getContainer(info.Id));
    }
  } catch (error) {
    throw engineError('looking for containers of earlier runs', error);
  }
}

async function isLeftOver({ Labels }: ContainerInfo): Promise<boolean> {
  const [namespace, pid, startTime] = (Labels[holderLabel] ?? '').split(' ');
  // A holder in another pid namespace cannot be judged from here.
  return namespace === pidNamespace() && !(await isAlive({ pid: Number(pid), startTime: startTime ?? '' }));
}

async function holderMark(): Promise<string> {
  const { pid, startTime } = await identify(process.pid);
  return `${pidNamespace()} ${pid} ${startTime}`;
}

/** Null where there is no /proc: then no holder is ever taken for dead. */
function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}
