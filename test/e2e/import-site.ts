import { randomBytes } from 'node:crypto';
import { chmod, chown, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Imported } from '../../src/image/import/import.ts';
import { listRefs } from '../../src/ostree/refs.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { importWhole } from './import-whole.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

export interface ImportOptions {
  /** All of the site when not given. */
  packages?: MadeDeb[];
  in?: Toolbox;
  repo?: string;
  signal?: AbortSignal;
}

/** An empty repository, and a server that has debs for it. */
export class ImportSite {
  readonly root: string;
  readonly repo: string;
  readonly toolbox: Toolbox;
  readonly server: DebServer;
  readonly #debs: MadeDeb[];

  private constructor(root: string, toolbox: Toolbox, server: DebServer, debs: MadeDeb[]) {
    this.root = root;
    this.repo = path.join(root, '.lockstep/repo');
    this.toolbox = toolbox;
    this.server = server;
    this.#debs = debs;
  }

  static async open(debs: MadeDeb[]): Promise<ImportSite> {
    const root = await temporaryDirectory('import');
    const site = new ImportSite(root, await openFor(root, 'host'), await DebServer.open(), debs);
    await ensureRepo(site.toolbox, site.repo, 'bare');
    for (const deb of debs) site.server.serve(deb);
    return site;
  }

  import(options: ImportOptions = {}): Promise<Imported> {
    const { packages = this.#debs, signal = new AbortController().signal } = options;
    const { candidates } = this.server;
    const where = { toolbox: options.in ?? this.toolbox, repo: options.repo ?? this.repo };
    return importWhole({ ...where, packages, candidates, proxy: () => null, progress: silent, signal });
  }

  async refs(where = this.repo): Promise<string[]> {
    return [...(await listRefs(this.toolbox, where))].sort();
  }

  /** Where a ref is checked out. */
  async checkout(ref: string): Promise<string> {
    const dir = path.join(await temporaryDirectory('checkout'), 'root');
    await execa('ostree', ['checkout', `--repo=${this.repo}`, ref, dir]);
    return dir;
  }

  async close(): Promise<void> {
    this.server.close();
    await this.toolbox.close();
  }
}

/** The names of the refs that an import makes of debs. */
export function bothRefs(of: readonly MadeDeb[]): string[] {
  return of.flatMap(({ sha256 }) => [`dpkg/control/${sha256}`, `dpkg/data/${sha256}`]).sort();
}

/** Debs of every compression, of odd files, of several architectures, of nothing, and a large one. */
export function sampleDebs(): Promise<MadeDeb[]> {
  return Promise.all([odd(), multiArch(), bare(), large()]);
}

function odd(): Promise<MadeDeb> {
  const fill = async (root: string) => {
    const at = (name: string) => path.join(root, name);
    for (const dir of ['bin', 'lib/arm', 'usr/lib', 'opt/ärger', `opt/${'long/'.repeat(60)}`, 'var/mail'])
      await mkdir(at(dir), { recursive: true });
    await writeFile(at('bin/tool'), 'tool\n', { mode: 0o755 });
    await link(at('bin/tool'), at('bin/hard'));
    await symlink('tool', at('bin/soft'));
    await symlink('../etc/odd', at('lib/arm/relative'));
    await symlink('/lib/arm/nowhere', at('usr/lib/absolute'));
    await writeFile(at('usr/lib/setuid'), '', { mode: 0o755 });
    await chown(at('usr/lib/setuid'), 0, 42);
    await chmod(at('usr/lib/setuid'), 0o6755);
    await chown(at('var/mail'), 0, 8);
    await chmod(at('var/mail'), 0o2775);
    await writeFile(at('opt/ärger/名前 with space'), 'utf-8');
    await writeFile(at(`opt/${'long/'.repeat(60)}end`), 'deep');
    await writeFile(at('opt/secret'), 'secret');
    await chmod(at('opt/secret'), 0);
    await writeFile(at('opt/owned'), 'owned');
    await chown(at('opt/owned'), 12345, 54321);
  };
  const control = { postinst: '#!/bin/sh\n', conffiles: '/etc/odd\n', triggers: 'interest-noawait /usr/odd\n' };
  return makeDeb({ name: 'odd', files: { 'etc/odd': 'conf' }, fill, control, compression: 'xz', keepOwners: true });
}

const multiArch = () =>
  makeDeb({
    name: 'multi',
    fields: 'Multi-Arch: same\n',
    files: { 'usr/lib/arm/multi.so': 'so', 'lib/arm/m': 'm' },
    control: { md5sums: 'given  usr/lib/arm/multi.so\n', shlibs: 'multi 1 multi\n' },
    compression: 'zstd',
  });

const bare = () => makeDeb({ name: 'bare', compression: 'none' });

const large = () =>
  makeDeb({ name: 'large', files: { 'usr/share/large': randomBytes(20_000_000) }, compression: 'gzip' });
