/** How programs of a foreign architecture run in a stage, as `stages/emulation.sh` takes it. */
export interface Emulation {
  /**
   * `native`: in a namespace of binfmt_misc of our own, where the kernel starts a native twin instead, if there is one;
   * `shadow`: native twins are mounted over the programs; `plain`: the machine's own binfmt_misc runs qemu for each.
   */
  way: 'native' | 'shadow' | 'plain';
  /** Directory of the native tools; null when there are none. */
  tools: string | null;
  /** What names them and all that they are; null when there are none. */
  toolsDigest: string | null;
  /** Path of the emulator; empty in the plain way. */
  qemu: string;
  /** What tells programs of the architecture; see binfmt-magic.ts. */
  magic: string;
}

/** What `--emulation` takes: a way, or the best there is. */
export const emulationWishes = ['auto', 'native', 'shadow', 'plain'] as const;
export type EmulationWish = (typeof emulationWishes)[number];

/** Every program is what it is, run by the kernel as it is set up. */
export const plainEmulation: Emulation = { way: 'plain', tools: null, toolsDigest: null, qemu: '', magic: '' };

/** QEMU's names of the architectures that images are built for. */
export const qemuNames = { armhf: 'arm', arm64: 'aarch64', amd64: 'x86_64' } as const;
