import { LockstepError } from '../errors/index.ts';
import { commitArgv } from '../ostree/commit.ts';
import { TimedOut } from '../toolbox/tool-failure.ts';
import { openedFiles, recall, remember } from './observation.ts';
import { layOverlay, type OverlayLayer, overlayDigest } from './overlay/overlay.ts';
import { type BuildEnvironment, cachedStage, digestOf, type StageResult, sourceDateEpoch, stageRef } from './stage.ts';
import { emulatedScriptArgv, stageScript } from './stage-script.ts';

const timeoutMs = 30 * 60_000;

/** What the virtual device's disk, network and file system need: dracut, run in a chroot, leaves them out. */
const drivers = 'virtio_mmio virtio_blk virtio_net ext4';

/** Files of an overlay that dracut reads; a change of any other leaves the initramfs as it is. */
const readByDracut = [
  /^etc\/dracut\.conf(\.d\/|$)/,
  /^usr\/lib\/dracut\//,
  /^(etc|usr\/lib)\/(modprobe|modules-load|udev|sysctl)(\.d)?\//,
  /^etc\/(crypttab|fstab|adjtime|locale\.conf|vconsole\.conf)$/,
  /^(usr\/)?lib\/firmware\//,
  /^(etc|usr\/lib)\/ostree\//,
];

/**
 * The initramfs of each kernel: a tree with nothing but `usr/lib/modules/<release>/initramfs.img`. The one that is there
 * serves on where only files have changed that dracut did not open.
 */
export async function initramfs(
  build: BuildEnvironment,
  configured: StageResult,
  overlay: readonly OverlayLayer[],
): Promise<StageResult> {
  const isRead = (name: string) => readByDracut.some((rule) => rule.test(name));
  const relevant = overlay.map((layer) => layer.part(isRead)).filter((layer) => layer !== null);
  const key = digestOf('initramfs', overlayDigest(relevant), stageScript('initramfs'), drivers);
  const digest = digestOf(key, configured.digest);
  const ref = stageRef('initramfs', digest);
  return cachedStage(build, { name: 'initramfs', ref, digest }, async () => {
    const { toolbox, repo } = build;
    const known = await recall(build, 'initramfs', key, configured.commit);
    if (known !== null) {
      await toolbox.run(['ostree', 'refs', `--repo=${repo}`, `--create=${ref}`, known.result]);
      return 'reused';
    }
    const [root, out] = [`${build.work}/initramfs`, `${build.work}/initramfs-out`];
    await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--require-hardlinks', configured.commit, root]);
    await layOverlay(relevant, root);
    await toolbox.run(['mkdir', '-p', out]);
    await generate(build, root, out);
    const commit = commitArgv([`dir=${out}`], { repo, ref, subject: 'initramfs' });
    const result = (await toolbox.run(commit)).stdout.trim();
    const opened = await openedFiles(build, `${out}.opened`);
    if (opened !== null) await remember(build, 'initramfs', key, { tree: configured.commit, opened, result });
    await toolbox.run(['rm', '-rf', '--one-file-system', root, out, `${out}.opened`]);
  });
}

async function generate({ toolbox, emulation }: BuildEnvironment, root: string, out: string): Promise<void> {
  const output: string[] = [];
  const running = toolbox.run(emulatedScriptArgv('initramfs', await emulation(), root, out, drivers), {
    isolate: true,
    check: false,
    timeoutMs,
    env: { SOURCE_DATE_EPOCH: sourceDateEpoch },
    onLine: (line) => output.push(line),
  });
  const { exitCode } = await running.catch((error) => {
    if (!(error instanceof TimedOut)) throw error;
    const message = `dracut did not end within ${timeoutMs / 60_000} minutes:\n${output.slice(-15).join('\n')}`;
    throw new LockstepError('E_INITRAMFS', message, { cause: error });
  });
  if (exitCode === 0) return;
  const full = output.find((line) => /No space left on device/.test(line));
  if (full !== undefined) throw new LockstepError('E_DISK_FULL', full);
  throw new LockstepError('E_INITRAMFS', `the initramfs could not be made:\n${output.slice(-15).join('\n')}`, {
    hint: 'dracut reads etc/dracut.conf.d of packages and overlays; the image needs `dracut` and `ostree-boot`',
  });
}
