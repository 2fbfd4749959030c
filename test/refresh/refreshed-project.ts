import { writeFile } from 'node:fs/promises';
import type { PackageChange } from '../../src/apt/changes/diff.ts';
import { silent } from '../../src/progress/progress.ts';
import { type GateResult, type RefreshOptions, type RefreshResult, refresh } from '../../src/refresh/refresh.ts';
import { environment, makeRepositories, type Repositories, stateOf } from './repositories.ts';

/** The lockfile that an update makes, unless a test says otherwise. */
export const newLock = 'Package: a\nVersion: 2\n';
/** Where a refresh proposes it. */
export const branch = 'lockstep/refresh';
export const passed: GateResult = { outcome: 'ok', code: null, message: 'all well', hint: null };

/** A project for each test of a suite: a clone of a repository of its own, as a nightly job finds it. */
export function refreshedProject(): RefreshedProject {
  const project = new RefreshedProject();
  beforeEach(() => project.begin());
  afterEach(() => project.at.remove());
  return project;
}

class RefreshedProject {
  at!: Repositories;

  /** Makes its repositories, with these files beside the usual ones. */
  async begin(files: Record<string, string> = {}): Promise<void> {
    this.at = await makeRepositories(files);
  }

  refresh(changes: Partial<RefreshOptions> = {}): Promise<RefreshResult> {
    return refresh({
      root: this.at.clone,
      settings: { branch, base: 'main', remote: 'origin' },
      lockfiles: [this.at.lockfile],
      author: null,
      update: this.updateTo(newLock),
      gate: async () => passed,
      progress: silent,
      signal: new AbortController().signal,
      environment,
      ...changes,
    });
  }

  /** An update that makes this of the lockfile. */
  updateTo(text: string): RefreshOptions['update'] {
    return async () => {
      await writeFile(this.at.lockfile, text);
      const changes: PackageChange[] = [
        { package: 'a', from: '1', to: '2', kind: 'upgraded' },
        { package: 'b', from: null, to: '7', kind: 'added' },
      ];
      return [{ name: 'panel', lockfile: this.at.lockfile, changes }];
    };
  }

  /** All that must be as before once a refresh has ended. */
  state() {
    return stateOf(this.at.clone, this.at.lockfile);
  }
}
