import type { Architecture } from '../config/types.ts';

/** A project as another tool's files or a device give it, before it is lockstep.yml. What is absent is left to the defaults. */
export interface Draft {
  image: ImageDraft;
  device?: { name: string; host: string; port: number | null; user: string | null; hostKey: string };
  notes: Note[];
}

export interface ImageDraft {
  arch: Architecture;
  suites: string[];
  components?: string[];
  mirror?: string;
  packages: string[];
  base?: string[];
  recommends?: boolean;
  exclude?: string[];
  pins?: PinDraft[];
}

export interface PinDraft {
  package: string;
  version: string;
  reason: string;
}

/** What could not be carried over, or not as it was. */
export interface Note {
  /** `multistrap.conf:7`, or the device. */
  place: string;
  text: string;
}

export function noteText({ place, text }: Note): string {
  return `${place}: ${text}`;
}

/** What apt takes when nobody says more: lists and files of packages name no suites. */
export const usualSuites = suitesOf('bookworm');

/** The suites that a release of Debian is made of. */
export function suitesOf(codename: string): string[] {
  return [codename, `${codename}-updates`, `${codename}-security`];
}
