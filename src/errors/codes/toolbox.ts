import type { ErrorEntry } from '../entry.ts';

/** The machine that lockstep works on, and the programs that it runs there. */
export const toolboxCodes = {
  E_DISK_FULL: {
    exit: 1,
    meaning: 'A disk is full.',
    remedy: 'Free space where the message says; the next run goes on from what was finished.',
  },
  E_TOOLBOX_NONE: {
    exit: 1,
    meaning: 'There is neither a Docker engine that answers nor root with the needed tools on this machine.',
    remedy: 'Start Docker and give this user its socket, or run as root with the tools that `lockstep doctor` lists.',
  },
  E_TOOLBOX_TOOL: {
    exit: 1,
    meaning: 'The host toolbox lacks a program.',
    remedy: 'Install the package that the message names, or use `--toolbox docker`.',
  },
  E_TOOLBOX_ENGINE: {
    exit: 1,
    meaning: 'The Docker engine refused or broke off what lockstep asked of it.',
    remedy: 'Look at the engine’s message; `lockstep doctor` checks the engine.',
  },
  E_TOOLBOX_MOUNT: {
    exit: 1,
    meaning:
      'The builder container does not see the project directory: the engine runs on another machine or in a container.',
    remedy:
      'Use an engine that shares this file system, mount the workspace at the same path, or use `--toolbox host`.',
  },
  E_TOOLBOX_BUILDER: {
    exit: 1,
    meaning: 'The builder image could not be made.',
    remedy: 'Where no container registry answers, install `mmdebstrap` on this machine so that it can be bootstrapped.',
  },
  E_TOOLBOX_OWNER: {
    exit: 1,
    meaning:
      'The project’s repository was made by another user: its files carry owners that this one cannot read or give.',
    remedy: 'Build as who made it, or remove `.lockstep`, as who made it: everything in it is made anew.',
  },
  E_BINFMT: {
    exit: 1,
    meaning: 'This kernel cannot run programs of the image’s architecture: binfmt_misc has no entry for it.',
    remedy:
      'Install `qemu-user-static` and `binfmt-support` on the machine that runs the engine; see `lockstep doctor`.',
  },
  E_EMULATION: {
    exit: 1,
    meaning: 'The way of emulation that `--emulation` names is not to be had on this machine.',
    remedy: 'Leave the option out: the best way that works is then taken, and all ways give the same image.',
  },
  E_TOOL_FAILED: {
    exit: 1,
    meaning: 'A program in the toolbox failed.',
    remedy: 'Read its last lines in the message.',
  },
  E_INTERRUPTED: {
    exit: 1,
    meaning: 'The run was interrupted; what it had started was stopped and taken away.',
    remedy: 'Run it again: it goes on from what was finished.',
  },
  E_BUSY: {
    exit: 1,
    meaning: 'Another lockstep is at work in this project.',
    remedy: 'Wait for it, or stop the process that the message names.',
  },
} satisfies Record<string, ErrorEntry>;
