#!/usr/bin/env tsx
/**
 * A device to try deployments on in a minute, without a machine: the image's own systemd, sshd and ostree in namespaces of
 * this host, on a sysroot that ostree made. Push, deploy, reboot and health are real; kernel, initramfs, boot loader, boot
 * counting and watchdog are not there, so nothing is shown of them. To lockstep it is an OpenSSH server like any other.
 *
 *   npm run try-device -- PROJECT IMAGE [NAME]
 *
 * Root of the device is root of this host behind a few namespaces: for images that you trust.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { loadConfig } from '../../src/config/load.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { ensureKeyPair } from '../../src/device/virtual/keys.ts';

const here = import.meta.dirname;
const cgroups = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];
// What reaches the host's kernel rather than the container.
const withoutCapabilities = '-sys_module,-sys_rawio,-sys_time,-syslog,-mknod,-mac_admin,-mac_override,-wake_alarm';

async function main([project, imageName, name = 'try-1']: string[]): Promise<void> {
  if (project === undefined || imageName === undefined) throw new Error('npm run try-device -- PROJECT IMAGE [NAME]');
  if (process.getuid?.() !== 0) throw new Error('it needs root, for mounts and namespaces');
  const config = await loadConfig(path.resolve(project));
  const image = config.images.find((each) => each.name === imageName);
  if (image === undefined) throw new Error(`${config.file} has no image ${imageName}`);
  const workspace = workspaceOf(config.root);
  const dir = path.join(workspace.dir, 'try', name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await ensureKeyPair(path.join(dir, 'id_ed25519'), `lockstep@${name}`);
  const { fingerprint } = await ensureKeyPair(path.join(dir, 'host_ed25519'), `root@${name}`);
  const commit = (await execa('ostree', [`--repo=${workspace.repo}`, 'rev-parse', `${image.name}/${image.arch}`]))
    .stdout;
  await ensureSysroot(workspace.repo, commit, dir);
  const device = new TriedDevice(dir);
  const port = await device.start();
  await writeFile(path.join(dir, 'pid'), `${process.pid}\n`);
  const place = path.relative(config.root, dir);
  const entry = {
    reach: `host: 127.0.0.1, port: ${port}, hostKey: "${fingerprint}", identity: ${place}/id_ed25519`,
    power: `{cycle: "kill -USR1 $(cat ${place}/pid)"}`,
  };
  console.log(`devices:\n  ${name}: {${entry.reach}, image: ${image.name}, power: ${entry.power}}\n`);
  console.log(`${name} boots; log in with ssh -p ${port} -i ${dir}/id_ed25519 root@127.0.0.1, end it with Ctrl-C`);
  process.on('SIGUSR1', () => device.cutPower());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => device.end());
  await device.run();
  await rm(path.join(dir, 'pid'), { force: true });
}

async function ensureSysroot(repo: string, commit: string, dir: string): Promise<void> {
  const whole = path.join(dir, 'sysroot-is-whole');
  if (await stat(whole).catch(() => null)) return;
  await removeSysroot(dir);
  await execa('sh', ['-eu', path.join(here, 'make-sysroot.sh'), repo, commit, dir], { stdout: 'ignore' });
  await writeFile(whole, `${commit}\n`);
}

/** Deployments that the device itself made have the immutable flag. */
async function removeSysroot(dir: string): Promise<void> {
  const sysroot = path.join(dir, 'sysroot');
  await execa('sh', ['-c', 'chattr -i "$1"/ostree/deploy/*/deploy/*/ 2>/dev/null; rm -rf "$1"', 'sh', sysroot]);
}

class TriedDevice {
  readonly #dir: string;
  #relay: ChildProcess | null = null;
  #init: ChildProcess | null = null;
  #ending = false;
  #powerCut = false;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes its network and listens on a loopback port of the host, which is returned. */
  async start(): Promise<number> {
    const argv = ['--net', process.execPath, '--import', 'tsx', path.join(here, 'relay.ts')];
    const relay = spawn('unshare', argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#relay = relay;
    await new Promise((resolve, reject) => relay.once('message', resolve).once('exit', reject));
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      relay.send('connection', socket, (error) => error && socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    return (server.address() as AddressInfo).port;
  }

  /** Boots, and boots again when the device reboots, until it is switched off or ended. */
  async run(): Promise<void> {
    while (!this.#ending) {
      const ended = await this.#boot();
      // A reboot ends the first process of a pid namespace by SIGHUP, a power-off by SIGINT (reboot(2)).
      if (ended === 'SIGHUP' || this.#powerCut) this.#powerCut = false;
      else if (!this.#ending) {
        console.error(ended === 'SIGINT' ? 'switched off; SIGUSR1 switches it on' : `it stopped (${ended})`);
        await this.#untilPower();
      }
    }
    this.#relay?.kill('SIGKILL');
  }

  cutPower(): void {
    this.#powerCut = true;
    this.#kill();
  }

  end(): void {
    this.#ending = true;
    this.#kill();
  }

  #kill(): void {
    // With it goes the first process of the namespace, and all others in it.
    this.#init?.kill('SIGKILL');
  }

  async #untilPower(): Promise<void> {
    const timer = setInterval(() => {}, 60_000);
    while (!this.#powerCut && !this.#ending) await new Promise((resolve) => setTimeout(resolve, 200));
    clearInterval(timer);
    this.#powerCut = false;
  }

  async #boot(): Promise<string> {
    const cgroup = await this.#cgroup();
    // Uptime counts from this boot, as on a machine: how long a boot takes is judged by it.
    const uptime = Math.floor(Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0])) - 1;
    const join = 'echo 0 >"$0/cgroup.procs"; exec "$@"';
    const argv = [
      ...['-c', join, cgroup, 'nsenter', `--net=/proc/${this.#relay?.pid}/ns/net`],
      ...['unshare', '--mount', '--pid', '--fork', '--uts', '--ipc', '--cgroup', '--propagation', 'private'],
      ...['--time', '--boottime', String(-uptime), '--monotonic', String(-uptime)],
      ...[
        '--kill-child',
        'setpriv',
        '--bounding-set',
        withoutCapabilities,
        'sh',
        '-eu',
        path.join(here, 'boot.sh'),
        this.#dir,
      ],
    ];
    const init = spawn('sh', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#init = init;
    const ended = await new Promise<string>((resolve) => {
      init.once('exit', (code, signal) => resolve(signal ?? signalOf(code)));
    });
    this.#init = null;
    await removeCgroup(cgroup);
    return ended;
  }

  async #cgroup(): Promise<string> {
    for (const parent of cgroups) {
      if ((await stat(path.join(parent, 'cgroup.procs')).catch(() => null)) === null) continue;
      const cgroup = path.join(parent, `lockstep-try-${process.pid}`);
      await mkdir(cgroup, { recursive: true });
      return cgroup;
    }
    throw new Error('there is no cgroup2 file system below /sys/fs/cgroup');
  }
}

/** unshare passes a signal of its child on, or tells it by its exit code. */
function signalOf(code: number | null): string {
  const known: Record<number, string> = { 129: 'SIGHUP', 130: 'SIGINT', 137: 'SIGKILL' };
  return known[code ?? 0] ?? `exit code ${code}`;
}

/** With the groups that the device's systemd made below it; the last processes take a moment to go. */
async function removeCgroup(cgroup: string): Promise<void> {
  const script = `for attempt in $(seq 100); do
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
  [ -e "$1" ] || exit 0
  sleep 0.1
done`;
  await execa('sh', ['-c', script, 'sh', cgroup], { reject: false });
}

await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`try-device: ${error.message}`);
  process.exitCode = 1;
});
process.exit();
