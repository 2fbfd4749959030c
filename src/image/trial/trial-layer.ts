import { createHash } from 'node:crypto';
import { resourceText } from '../../resources.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { filesLayer, type OverlayLayer } from '../overlay/overlay.ts';
import { type OverlayEntry, ownedByRoot } from '../overlay/overlay-entry.ts';
import { bootScript, bootScriptImage } from './boot-script.ts';
import { armedSector, idleSector, markerSector, usualBoots } from './counter-sectors.ts';

/** Where an image has its part of a trial. */
export const trialDirectory = 'usr/lib/lockstep';
const units = 'usr/lib/systemd/system';
/** After dracut's own, whose units it adds to. */
const dracutModule = 'usr/lib/dracut/modules.d/98lockstep';

interface File {
  content: Buffer;
  mode: number;
}

/** What a bootable image carries so that a device tells by itself whether a deployment is healthy, and goes back if not. */
export function trialFiles(): Map<string, File> {
  const text = (name: string, mode: number): File => ({ content: Buffer.from(resourceText(`device/${name}`)), mode });
  const bytes = (content: Buffer): File => ({ content, mode: 0o644 });
  return new Map([
    [`${trialDirectory}/health`, text('health.sh', 0o755)],
    [`${trialDirectory}/trial`, text('trial.sh', 0o755)],
    [`${trialDirectory}/boot/boot.cmd`, bytes(Buffer.from(bootScript()))],
    [`${trialDirectory}/boot/boot.scr`, bytes(bootScriptImage())],
    [`${trialDirectory}/boot/idle.env`, bytes(idleSector())],
    [`${trialDirectory}/boot/marker.env`, bytes(markerSector())],
    [`${trialDirectory}/boot/armed.env`, bytes(armedSector({ boots: usualBoots, fallback: 2 }))],
    [`${units}/lockstep-confirm.service`, text('lockstep-confirm.service', 0o644)],
    [`${units}/lockstep-trial-limit.service`, text('lockstep-trial-limit.service', 0o644)],
    [`${dracutModule}/module-setup.sh`, text('dracut-module.sh', 0o755)],
    [`${dracutModule}/dracut-reboot.sh`, text('dracut-reboot.sh', 0o755)],
    [`${dracutModule}/lockstep-initramfs-limit.service`, text('lockstep-initramfs-limit.service', 0o644)],
    ['usr/lib/systemd/system.conf.d/50-lockstep.conf', text('watchdog.conf', 0o644)],
  ]);
}

/** Units that are started without `systemctl enable`, by the target that wants them. */
const wanted = { 'multi-user.target': 'lockstep-confirm.service', 'sysinit.target': 'lockstep-trial-limit.service' };

/** {@link trialFiles} as the lowest layer of an image: its overlays may replace each of them. */
export function trialLayer(toolbox: Toolbox): OverlayLayer {
  const files = trialFiles();
  const links = Object.entries(wanted).map(([target, unit]) =>
    linkEntry(`${units}/${target}.wants/${unit}`, `../${unit}`),
  );
  return filesLayer(toolbox, {
    entries: [...[...files].map(([name, file]) => fileEntry(name, file)), ...links],
    contents: async function* () {
      for (const [name, { content }] of files) yield { name, body: once(content) };
    },
  });
}

function fileEntry(name: string, { content, mode }: File): OverlayEntry {
  const identity = createHash('sha256').update(content).digest('hex');
  return ownedByRoot({ name, kind: 'file', mode, size: content.length, identity, label: name });
}

function linkEntry(name: string, target: string): OverlayEntry {
  return ownedByRoot({ name, kind: 'symlink', mode: 0o777, size: 0, identity: target, label: name });
}

async function* once(content: Buffer): AsyncGenerator<Buffer> {
  yield content;
}
