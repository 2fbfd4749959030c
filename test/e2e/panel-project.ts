import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { workspaceOf } from '../../src/config/workspace.ts';
import { DeviceProject } from './device-project.ts';
import { bootableRepo, ostree, projectWith } from './projects.ts';

const images = `images:
  panel: {arch: armhf, suites: [bookworm], packages: [systemd-sysv]}
`;

/** A project that did not build its image itself: it has the example's, and commits that a test makes of it. */
export class PanelProject extends DeviceProject {
  /** Checksums by the names that the test gave; `base` is the example's. */
  readonly commits: Record<string, string> = {};

  /** With these `devices:` in lockstep.yml, or none yet. */
  static async make(name: string, devices = ''): Promise<PanelProject> {
    const source = await bootableRepo();
    const project = new PanelProject(await projectWith(name, images + devices));
    const { dir } = project;
    await mkdir(workspaceOf(dir).dir);
    await ostree(dir, 'init', '--mode=bare');
    await ostree(dir, 'pull-local', source, 'panel/armhf');
    project.commits.base = await ostree(dir, 'rev-parse', 'panel/armhf');
    return project;
  }

  /** A commit of the panel with some files laid over it, as ref test/NAME; files with an interpreter can be executed. */
  async commit(name: string, files: Record<string, string>): Promise<void> {
    const tree = path.join(this.dir, `tree-${name}`);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await writeFile(path.join(tree, file), text);
      if (text.startsWith('#!')) await chmod(path.join(tree, file), 0o755);
    }
    const trees = ['--tree=ref=panel/armhf', `--tree=dir=${tree}`];
    this.commits[name] = await ostree(this.dir, 'commit', `--branch=test/${name}`, '--timestamp=@0', ...trees);
  }

  /** A commit that does not start, as ref test/broken: what it has for a kernel is none. */
  async commitBroken(): Promise<void> {
    const kernel = (await ostree(this.dir, 'ls', 'panel/armhf', '/usr/lib/modules')).trim().split('/').at(-1);
    await this.commit('broken', { [`usr/lib/modules/${kernel}/vmlinuz`]: 'not a kernel' });
  }
}
