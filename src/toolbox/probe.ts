import type { Architecture } from '../config/types.ts';
import { staticProgram } from './elf.ts';

/** What the probe exits with: not 0, which a shell that takes the file for an empty script might give as well. */
export const probeExitCode = 42;

/** exit(42) as machine code. */
const exits: Record<Architecture, string> = {
  // mov r0, #42; mov r7, #1 (exit); svc #0
  armhf: '2a00a0e3 0170a0e3 000000ef',
  // mov x0, #42; mov x8, #93 (exit); svc #0
  arm64: '400580d2 a80b80d2 010000d4',
  // mov edi, 42; mov eax, 60 (exit); syscall
  amd64: 'bf2a000000 b83c000000 0f05',
};

/** A program of an architecture that does nothing but exit with 42. */
export function probeProgram(arch: Architecture): Buffer {
  return staticProgram(arch, exits[arch]);
}
