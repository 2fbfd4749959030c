import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { benchBuilds } from './builds.ts';
import { describeMachine, report, timed } from './compare.ts';
import { benchDeploy } from './deploy.ts';
import { benchDiff } from './diff.ts';
import { benchImport } from './import.ts';
import { benchPush } from './push.ts';

const parts = ['update', 'import', 'build', 'diff', 'push', 'deploy'] as const;
type Part = (typeof parts)[number];

/**
 * `npm run bench [-- [--quick] [PART…]]`: what lockstep takes beside a peer that does the like, in one run on one machine.
 * Prints; asserts nothing. Takes some 20 minutes, most of them mmdebstrap's; --quick leaves that and the large image out.
 */
const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');
const suites = ['bookworm', 'bookworm-updates'];
const packages = ['systemd-sysv', 'dbus', 'openssh-server', 'iproute2', 'ostree'];
const bootable = [...packages, 'ostree-boot', 'linux-image-armmp', 'dracut'];

/** Nobody but its user reads this file while an image is made, as with most programs. */
const changing = ['openssh-sftp-server', 'usr/lib/openssh/sftp-server'] as const;

/** Brings some 500 packages. */
const many = [...packages, 'network-manager', 'build-essential', 'git', 'vim', 'gdb', 'python3-numpy'];
many.push('nginx', 'postgresql', 'xorg', 'mpv');

async function main(): Promise<void> {
  const quick = process.argv.includes('--quick');
  const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  const unknown = named.find((word) => !parts.some((part) => part === word));
  if (unknown !== undefined) throw new Error(`there is no benchmark "${unknown}", only ${parts.join(', ')}`);
  const wanted = (...some: Part[]) => named.length === 0 || some.some((part) => named.includes(part));

  console.log(describeMachine());
  if (wanted('update', 'import', 'build', 'diff')) {
    await inProject(packages, async (dir) => {
      if (wanted('update')) await benchUpdate(dir);
      if (wanted('import')) await benchImport({ dir, packages });
      const peers = quick ? [] : ['armhf', 'amd64'];
      if (wanted('build')) await benchBuilds({ name: 'base system', dir, packages, suites, changing }, peers);
      if (wanted('diff')) await benchDiff({ agent, dir });
    });
  }
  if (wanted('build', 'push', 'deploy')) {
    await inProject(bootable, async (dir) => {
      const image = { name: 'bootable', dir, packages: bootable, suites, changing };
      if (wanted('build')) await benchBuilds(image, quick ? [] : ['armhf']);
      else await lockstep(dir, 'build');
      if (wanted('push')) await benchPush(dir);
      if (wanted('deploy')) await benchDeploy(dir);
    });
  }
  if (wanted('diff') || (wanted('import') && !quick)) {
    await inProject(many, async (dir) => {
      if (wanted('diff')) await benchDiff({ agent, dir });
      if (wanted('import') && !quick) await benchImport({ dir, packages: many });
    });
  }
}

/** Does the work in a project of one image, resolved. */
async function inProject(wanted: readonly string[], work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bench-'));
  try {
    const lists = `suites: [${suites.join(', ')}], packages: [${wanted.join(', ')}]`;
    await writeFile(path.join(dir, 'lockstep.yml'), `images: {panel: {arch: armhf, ${lists}}}\n`);
    await lockstep(dir, 'update');
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const lockstep = (dir: string, ...args: string[]) =>
  execa('node', [agent, '-C', dir, '--toolbox', 'host', '--quiet', ...args], { stdin: 'ignore' });

/** A no-op update beside apt doing the same in a private root: fetch the lists, solve. */
async function benchUpdate(dir: string): Promise<void> {
  const config = path.join(dir, '.lockstep/apt/panel/apt.conf');
  const apt = (...args: string[]) => execa('apt-get', ['-q', ...args], { env: { APT_CONFIG: config } });
  const ours = await timed(5, async () => void (await lockstep(dir, 'update')));
  const theirs = await timed(5, async () => {
    await apt('update');
    await apt('-y', 'install', '--print-uris', '?essential', ...packages);
  });
  report('update, nothing changed', ours, 'apt-get update + solve', theirs);
}

await main();
