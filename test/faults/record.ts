import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { projectRoot } from '../e2e/lockstep.ts';
import { oneAtATime } from '../e2e/one-at-a-time.ts';
import { faultsPage } from './page.ts';
import type { Played } from './play.ts';

/** A play that went as the table wants, or why it did not. */
export type Kept = { fault: string; seed: number; at: string } & ({ played: Played } | { failure: string });

/** Where plays are kept from one run to the next, when a whole run is taken in parts, or several benches play at once. */
const partsFile = process.env.LOCKSTEP_FAULTS_RECORD;

/** Keeps how each play went, and writes docs/faults.md from it. */
export class Record {
  readonly #kept: Kept[] = [];

  async keep(fault: string, seed: number, work: () => Promise<Played>): Promise<void> {
    const at = new Date().toISOString();
    try {
      await this.#add({ fault, seed, at, played: await work() });
    } catch (error) {
      await this.#add({ fault, seed, at, failure: (error as Error).message });
      throw error;
    }
  }

  async #add(play: Kept): Promise<void> {
    this.#kept.push(play);
    if (partsFile === undefined) return;
    await mkdir(path.dirname(partsFile), { recursive: true });
    await oneAtATime(`${partsFile}.lock`, async () => {
      await writeFile(`${partsFile}.new`, JSON.stringify([...earlier(partsFile), play], null, 1));
      await rename(`${partsFile}.new`, partsFile);
    });
  }

  async write(): Promise<void> {
    const [processor] = cpus();
    const { stdout: qemu } = await execa('qemu-system-arm', ['--version']);
    const machine = `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, Linux ${release()}, ${qemu.split('\n')[0]}`;
    const kept = partsFile === undefined ? this.#kept : earlier(partsFile);
    const page = faultsPage(kept, { machine, parts: partsFile !== undefined });
    await writeFile(path.join(projectRoot, 'docs/faults.md'), page);
  }
}

/** Whether an earlier part of a run in parts has played this, and it went well. */
export function wasPlayed(fault: string, seed: number): boolean {
  if (partsFile === undefined) return false;
  const last = earlier(partsFile).findLast((play) => play.fault === fault && play.seed === seed);
  return last !== undefined && 'played' in last;
}

function earlier(file: string): Kept[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept[]) : [];
}
