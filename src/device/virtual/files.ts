import path from 'node:path';
import type { Workspace } from '../../config/workspace.ts';

/** Where the parts of a virtual device are: `.lockstep/devices/<name>/`. */
export interface DeviceFiles {
  dir: string;
  disk: string;
  /** What the serial console printed, over all boots of this disk. */
  console: string;
  /** What qemu itself printed. */
  qemuLog: string;
  /** Private key that lockstep logs in with; the public one is beside it, `.pub`. */
  identity: string;
  /** Private host key of the device; the public one is beside it, `.pub`. */
  hostKey: string;
  state: string;
  /** Socket of qemu's control protocol, while it runs. */
  control: string;
  /** What the machine wrote to its disk since its start, where that is recorded: see write-cache.ts. */
  writes: string;
  /** Holds a directory for each snapshot. */
  snapshots: string;
  /** Scratch directory while the disk is made. */
  scratch: string;
}

export function deviceFiles(workspace: Workspace, name: string): DeviceFiles {
  const dir = path.join(workspace.devices, name);
  const at = (file: string) => path.join(dir, file);
  return {
    dir,
    disk: at('disk.img'),
    console: at('console.log'),
    qemuLog: at('qemu.log'),
    identity: at('id_ed25519'),
    hostKey: at('host_ed25519'),
    state: at('state.json'),
    control: at('control.sock'),
    writes: at('writes.log'),
    snapshots: at('snapshots'),
    scratch: at('scratch'),
  };
}
