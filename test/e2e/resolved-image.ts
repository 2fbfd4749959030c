import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Resolution, type ResolveOptions, resolveImage } from '../../src/apt/resolve.ts';
import type { ImageConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { openHostToolbox } from '../../src/toolbox/host.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { imageConfig, stanzaText } from '../apt/samples.ts';

export const essential = stanzaText('base', '1', { Essential: 'yes', Depends: 'libc (>= 1)' });

/** What the suite has in which each test begins. */
export const suite = [
  essential,
  stanzaText('libc', '2.0-1'),
  stanzaText('libc', '1.0-1'),
  stanzaText('tool', '1.0', { Depends: 'libc, usrmerge | usr-is-merged', Recommends: 'extra' }),
  stanzaText('usrmerge', '37', { Architecture: 'all' }),
  stanzaText('usr-is-merged', '37', { Architecture: 'all' }),
  stanzaText('extra'),
  stanzaText('rival', '1', { Conflicts: 'tool' }),
  stanzaText('needy', '1', { Depends: 'libc (>= 9)' }),
  stanzaText('mta-a', '1', { Provides: 'mta' }),
  stanzaText('mta-b', '1', { Provides: 'mta' }),
];

/** The image of a suite of tests, each of which begins with a signed archive that is in order. */
export function resolvedImage(): ResolvedImage {
  const image = new ResolvedImage();
  before(() => image.open());
  after(() => image.archive.close());
  beforeEach(() => image.begin());
  afterEach(() => image.end());
  return image;
}

/** An image with `tool`, from an archive on loopback. */
class ResolvedImage {
  archive!: LoopbackArchive;
  dir!: string;
  toolbox!: Toolbox;

  async open(): Promise<void> {
    this.archive = await LoopbackArchive.open();
  }

  async begin(): Promise<void> {
    await this.archive.clear();
    await this.archive.publish('stable', { packages: suite });
    this.dir = await mkdtemp(path.join(tmpdir(), 'lockstep resolve-'));
    await this.openToolbox();
    // This machine's apt may have been told not to look at dates; the tests must not depend on it.
    this.configureApt('');
  }

  async end(): Promise<void> {
    await this.toolbox.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  async openToolbox(signal = new AbortController().signal): Promise<void> {
    this.toolbox = await openHostToolbox({ workspace: workspaceOf(this.dir), root: this.dir, signal });
  }

  /** Makes the toolbox one whose apt is set up with these options instead of its own. */
  configureApt(options: string): void {
    this.toolbox = configured(this.toolbox, options);
  }

  resolve(changes: Partial<ImageConfig> = {}, options: Partial<ResolveOptions> = {}): Promise<Resolution> {
    const image = imageConfig({ mirror: this.archive.url, suites: ['stable'], packages: ['tool'], ...changes });
    const own = { toolbox: this.toolbox, workspace: workspaceOf(this.dir), keyring: this.archive.keyring };
    return resolveImage(image, { ...own, ...options });
  }
}

/** `name version` of each package. */
export function namesOf({ packages }: Resolution): string[] {
  return packages.map((entry) => `${entry.package} ${entry.version}`).sort();
}

function configured(toolbox: Toolbox, options: string): Toolbox {
  return new Proxy(toolbox, {
    get(target, name) {
      if (name !== 'run') return bound(target, name);
      return async (argv: readonly string[], settings: Parameters<Toolbox['run']>[1]) =>
        argv.join(' ').includes('apt-config dump\n')
          ? { exitCode: 0, stdout: options, stderr: '' }
          : target.run(argv, settings);
    },
  });
}

function bound(target: Toolbox, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
