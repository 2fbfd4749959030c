import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { formatKargs, kargsFile } from '../../src/image/kargs.ts';
import { trustFiles } from '../../src/image/signing/trust.ts';
import { ostree } from '../e2e/projects.ts';
import type { MadeKey } from '../image/gpg-keys.ts';
import { calamitousFiles } from './calamities.ts';
import { newc } from './newc.ts';

interface ImageFile {
  content: string | Buffer;
  mode?: number;
  /** A symbolic link to `content`. */
  link?: boolean;
}

/** Commits to deploy, by what is the matter with them; `base` is what the device runs. */
export type Images = Record<(typeof names)[number], string>;

const names = [
  'base',
  'next',
  'after',
  'unsigned',
  'strange',
  'corrupt',
  'kernel',
  'unbootable',
  'panics',
  'stops',
  'hangs',
  'sick',
  'failing',
  'loops',
  'wedged',
  'calamitous',
  'rootless',
] as const;

const units = 'usr/lib/systemd/system';
const script = (text: string): ImageFile => ({ content: `#!/bin/sh\n${text}\n`, mode: 0o755 });

/** A unit that every boot starts. */
function started(name: string, service: string): Record<string, ImageFile> {
  return {
    [`${units}/${name}.service`]: { content: `[Service]\nType=oneshot\n${service}\n` },
    [`${units}/multi-user.target.d/${name}.conf`]: { content: `[Unit]\nWants=${name}.service\n` },
  };
}

/** A kernel by its looks (zImage: magic, start and end at 0x24), whose first instructions wait for an interrupt for ever. */
function hangingKernel(): Buffer {
  const kernel = Buffer.alloc(4096);
  const [waitForInterrupt, branchBack, magic] = [0xe320f003, 0xeafffffd, 0x016f2818];
  for (const [index, word] of [waitForInterrupt, branchBack].entries()) kernel.writeUInt32LE(word, 4 * index);
  for (const [index, word] of [magic, 0, kernel.length].entries()) kernel.writeUInt32LE(word, 0x24 + 4 * index);
  return kernel;
}

/** What no fault here needs, and each boot would wait for. */
const idleUnits = [
  ...['dev-mqueue.mount', 'sys-kernel-debug.mount', 'sys-kernel-tracing.mount', 'sys-fs-fuse-connections.mount'],
  ...['modprobe@.service', 'e2scrub_reap.service', 'getty@.service', 'dracut-shutdown.service'],
  ...['systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service', 'systemd-rfkill.socket'],
];

/** What no boot of these reads: each file is a link that a deployment makes, which takes the emulator a millisecond. */
const idleDirectories = [
  ...['bash-completion', 'bug', 'doc', 'info', 'lintian', 'locale', 'man', 'perl5', 'zsh'].map(
    (name) => `/usr/share/${name}`,
  ),
  ...['/usr/lib/dracut', '/usr/lib/sysimage/dpkg/info'],
];

/** Paths of a commit that the images here do without; of kernel modules and device trees they keep those that the device takes. */
async function idlePaths(dir: string, revision: string): Promise<string[]> {
  const listed = await ostree(dir, 'ls', '-R', revision, '/usr/lib/modules');
  const hardware = listed
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([mode]) => mode?.startsWith('-'))
    .map((words) => words.at(-1) ?? '')
    .filter((file) => /\.(ko|dtb)$/.test(file) && !/\/(softdog|autofs4|virtio_rng)\.ko$|vexpress/.test(file));
  return [...idleDirectories, ...hardware];
}

/** Makes them all from the built image `panel/armhf` of the project, each a few files away from it. */
export async function makeImages(dir: string, key: MadeKey, stranger: MadeKey, random: () => number): Promise<void> {
  const modules = (await ostree(dir, 'ls', 'panel/armhf', '/usr/lib/modules')).trim().split(/\s+/).at(-1) ?? '';
  const inModules = (name: string) => `${modules.slice(1)}/${name}`;
  const { stdout: initramfs } = await execa(
    'ostree',
    [`--repo=${dir}/.lockstep/repo`, 'cat', 'panel/armhf', `${modules}/initramfs.img`],
    { encoding: 'buffer', maxBuffer: 1 << 28 },
  );
  /** The initramfs with a script that dracut runs before it mounts the root. */
  const withHook = (text: string): ImageFile => {
    const hook = newc('usr/lib/dracut/hooks/pre-mount/00-fault.sh', `${text}\n`, 0o755);
    const padding = Buffer.alloc((4 - (initramfs.length % 4)) % 4);
    return { content: Buffer.concat([initramfs, padding, hook]) };
  };

  const base: Record<string, ImageFile> = {};
  const trust = await trustFiles('panel', { publicKey: key.publicFile }, { name: null, url: null });
  for (const { path: name, content } of trust) base[name.replace(/^etc/, 'usr/etc')] = { content };
  for (const unit of idleUnits) base[`usr/etc/systemd/system/${unit}`] = { content: '/dev/null', link: true };
  const without = path.join(dir, 'without');
  await writeFile(without, (await idlePaths(dir, 'panel/armhf')).join('\n'));
  await commit(dir, 'base', 'panel/armhf', base, key, [`--skip-list=${without}`]);

  // Of some size and several objects, so that a push can be cut in many places.
  const filling = Object.fromEntries(
    Array.from({ length: 40 }, (_, index): [string, ImageFile] => {
      const bytes = Buffer.from(Array.from({ length: 60_000 }, () => Math.floor(random() * 256)));
      return [`usr/share/lockstep-faults/${index}`, { content: bytes }];
    }),
  );
  const mark = (name: string) => ({ 'usr/share/lockstep-faults/name': { content: name } });
  const health = 'usr/lib/lockstep/health.d/required.d/10-fault';
  const contents: Record<string, Record<string, ImageFile>> = {
    next: { ...mark('next'), ...filling },
    after: mark('after'),
    unsigned: mark('unsigned'),
    strange: mark('strange'),
    corrupt: { ...mark('corrupt'), 'usr/share/lockstep-faults/corrupt': { content: Buffer.alloc(50_000, 'corrupt') } },
    // Other bytes at the end of what is unpacked: the same, and yet another kernel for ostree.
    kernel: { [inModules('initramfs.img')]: withHook('true') },
    unbootable: { [inModules('vmlinuz')]: { content: 'not a kernel' } },
    panics: { 'usr/lib/systemd/systemd': script('echo "lockstep-faults: init ends"; exit 1') },
    stops: { [inModules('initramfs.img')]: withHook('die "lockstep-faults: stops"') },
    hangs: { [inModules('initramfs.img')]: withHook('while :; do sleep 1000; done') },
    sick: { [health]: script('echo "lockstep-faults: not well"; exit 1') },
    failing: started('lockstep-faults', 'ExecStart=/bin/false'),
    loops: started('lockstep-faults', 'ExecStart=/usr/bin/systemctl --force reboot\nExecStart=/usr/bin/sleep 60'),
    wedged: { [inModules('vmlinuz')]: { content: hangingKernel() } },
    calamitous: Object.fromEntries(
      Object.entries(calamitousFiles).map(([name, content]): [string, ImageFile] => [
        name,
        { content, mode: content.startsWith('#!') ? 0o755 : 0o644 },
      ]),
    ),
    rootless: { [kargsFile]: { content: formatKargs(['root=LABEL=nowhere']) } },
  };
  for (const [name, files] of Object.entries(contents)) {
    const signer = name === 'unsigned' ? null : name === 'strange' ? stranger : key;
    await commit(dir, name, 'test/base', { ...mark(name), ...files }, signer);
  }
}

/** The commits that were made in a project. */
export async function imagesOf(dir: string): Promise<Images> {
  const checksums = await Promise.all(names.map((name) => ostree(dir, 'rev-parse', `test/${name}`)));
  return Object.fromEntries(names.map((name, index) => [name, checksums[index] ?? ''])) as Images;
}

async function commit(
  dir: string,
  name: string,
  parent: string,
  files: Record<string, ImageFile>,
  signer: MadeKey | null,
  options: string[] = [],
): Promise<void> {
  const tree = path.join(dir, 'trees', name);
  for (const [file, made] of Object.entries(files)) await put(path.join(tree, file), made);
  const trees = [`--tree=ref=${parent}`, `--tree=dir=${tree}`];
  const sign = signer === null ? [] : [`--gpg-homedir=${signer.home}`, `--gpg-sign=${signer.fingerprint}`];
  await ostree(dir, 'commit', `--branch=test/${name}`, '--timestamp=@0', ...trees, ...sign, ...options);
}

async function put(at: string, { content, mode = 0o644, link = false }: ImageFile): Promise<void> {
  await mkdir(path.dirname(at), { recursive: true });
  await rm(at, { force: true });
  if (link) return symlink(content.toString(), at);
  await writeFile(at, content);
  await chmod(at, mode);
}
