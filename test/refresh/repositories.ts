import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** git's environment without what this machine's user has configured, but with an identity. */
export const environment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
};

export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await exec('git', args, { cwd, env: environment });
  return stdout.trimEnd();
}

/** A bare repository with a base branch, and a clone of it: what a nightly job finds. */
export interface Repositories {
  dir: string;
  bare: string;
  clone: string;
  /** The lockfile in the clone. */
  lockfile: string;
  remove(): Promise<void>;
}

export async function makeRepositories(files: Record<string, string> = {}): Promise<Repositories> {
  const dir = await realpath(await mkdtemp(path.join(tmpdir(), 'lockstep-refresh-')));
  const bare = path.join(dir, 'bare.git');
  const clone = path.join(dir, 'clone');
  await git(dir, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git(dir, 'clone', '--quiet', bare, clone);
  await git(clone, 'checkout', '--quiet', '-B', 'main');
  await commitFiles(clone, { 'lockstep.yml': 'images: {}\n', 'panel.lock': 'Package: a\nVersion: 1\n', ...files });
  await git(clone, 'push', '--quiet', 'origin', 'main');
  return { dir, bare, clone, lockfile: path.join(clone, 'panel.lock'), remove: () => rm(dir, { recursive: true }) };
}

export async function commitFiles(clone: string, files: Record<string, string>, message = 'Files'): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(clone, name)), { recursive: true });
    await writeFile(path.join(clone, name), text);
  }
  await git(clone, 'add', '--all');
  await git(clone, 'commit', '--quiet', '-m', message);
  return git(clone, 'rev-parse', 'HEAD');
}

/** Another clone pushes to a branch: somebody else at work. */
export async function pushElsewhere(repositories: Repositories, branch: string, files: Record<string, string>) {
  const other = await mkdtemp(path.join(repositories.dir, 'other-'));
  await git(repositories.dir, 'clone', '--quiet', repositories.bare, other);
  await git(other, 'checkout', '--quiet', '-B', branch);
  const commit = await commitFiles(other, files, 'From elsewhere');
  await git(other, 'push', '--quiet', '--force', 'origin', branch);
  return commit;
}

/** All that must be as before once a refresh has ended. */
export async function stateOf(clone: string, lockfile: string) {
  return {
    head: await git(clone, 'rev-parse', '--abbrev-ref', 'HEAD'),
    commit: await git(clone, 'rev-parse', 'HEAD'),
    status: await git(clone, 'status', '--porcelain', '--untracked-files=all'),
    lockfile: await readFile(lockfile, 'utf8').catch(() => null),
  };
}

export async function remoteBranches(bare: string): Promise<string[]> {
  return (await git(bare, 'for-each-ref', '--format=%(refname:short)', 'refs/heads')).split('\n');
}
