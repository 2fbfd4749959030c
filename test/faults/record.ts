import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { projectRoot } from '../e2e/lockstep.ts';
import { faultsPage } from './page.ts';
import type { Played } from './play.ts';

/** A play that went as the table wants, or why it did not. */
export type Kept = { fault: string; at: string } & ({ played: Played } | { failure: string });

/** Where plays are kept from one run to the next, when a whole run is taken in parts. */
const partsFile = process.env.LOCKSTEP_FAULTS_RECORD;

/** Keeps how each play went, and writes docs/faults.md from it. */
export class Record {
  readonly #seed: number;
  readonly #kept: Kept[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  async keep(fault: string, work: () => Promise<Played>): Promise<void> {
    const at = new Date().toISOString();
    try {
      this.#kept.push({ fault, at, played: await work() });
    } catch (error) {
      this.#kept.push({ fault, at, failure: (error as Error).message });
      throw error;
    } finally {
      await this.#save();
    }
  }

  async #save(): Promise<void> {
    if (partsFile === undefined) return;
    const last = this.#kept.at(-1);
    const before = await earlier(partsFile);
    await mkdir(path.dirname(partsFile), { recursive: true });
    await writeFile(partsFile, JSON.stringify([...before, last], null, 1));
  }

  async write(): Promise<void> {
    const kept = partsFile === undefined ? this.#kept : await earlier(partsFile);
    const [processor] = cpus();
    const { stdout: qemu } = await execa('qemu-system-arm', ['--version']);
    const machine = `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, Linux ${release()}, ${qemu.split('\n')[0]}`;
    const page = faultsPage(kept, { seed: this.#seed, machine, date: new Date().toISOString().slice(0, 10) });
    await writeFile(path.join(projectRoot, 'docs/faults.md'), page);
  }
}

async function earlier(file: string): Promise<Kept[]> {
  return JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as Kept[];
}
