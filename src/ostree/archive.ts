import { access, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { namingStage } from './full-disk.ts';
import { commitFile, detachedMetadataFile } from './signing.ts';

/**
 * Brings a commit of the build repository into the archive repository that devices pull from, and returns its
 * checksum. `revision` is a checksum or a ref. Only objects that the archive lacks are written.
 * Throws E_NOT_BUILT when the build repository has no such revision, E_DISK_FULL.
 */
export async function syncArchive(toolbox: Toolbox, workspace: Workspace, revision: string): Promise<string> {
  const commit = await resolveRevision(toolbox, workspace, revision);
  if (await holdsWhole(workspace.archive, commit)) {
    await syncSignatures(toolbox, workspace, commit);
    return commit;
  }
  const script = `
    repo=$1 archive=$2 commit=$3
    if [ ! -e "$archive/config" ]; then
      ostree --repo="$archive" init --mode=archive
      # Devices are near and emulated or slow: time to compress costs more than bytes to send.
      ostree --repo="$archive" config set archive.zlib-level 1
    fi
    ostree --repo="$archive" pull-local --disable-fsync "$repo" "$commit"`;
  await toolbox.run(['sh', '-euc', script, 'sh', workspace.repo, workspace.archive, commit]).catch((error) => {
    throw namingStage(error, 'export', workspace.archive);
  });
  return commit;
}

/** A pull brings a commit's signatures along, once; they may have been made anew since. */
async function syncSignatures(toolbox: Toolbox, { repo, archive }: Workspace, commit: string): Promise<void> {
  const [from, to] = [detachedMetadataFile(repo, commit), detachedMetadataFile(archive, commit)];
  const [wanted, there] = await Promise.all([from, to].map((file) => readFile(file).catch(() => null)));
  if (wanted == null || (there != null && wanted.equals(there))) return;
  await toolbox.run(['sh', '-euc', 'cp "$1" "$2.new"; sync "$2.new"; mv "$2.new" "$2"', 'sh', from, to]);
}

/** The checksum that a checksum or ref of the build repository stands for. Throws E_NOT_BUILT when there is none. */
export async function resolveRevision(toolbox: Toolbox, workspace: Workspace, revision: string): Promise<string> {
  const missing = new LockstepError('E_NOT_BUILT', `${workspace.repo} has no commit ${revision}`, {
    hint: 'Run `lockstep build` first.',
  });
  // Before the first build there is no repository, and no need to open a toolbox to know it.
  if (!(await stat(workspace.repo).catch(() => null))) throw missing;
  const argv = ['ostree', `--repo=${workspace.repo}`, 'rev-parse', revision];
  const { exitCode, stdout } = await toolbox.run(argv, { check: false });
  const commit = stdout.trim();
  if (exitCode !== 0 || !/^[0-9a-f]{64}$/.test(commit)) throw missing;
  if (!(await exists(commitFile(workspace.repo, commit)))) throw missing;
  return commit;
}

/** ostree writes the commit object last and marks a commit that it has in part. */
async function holdsWhole(repo: string, commit: string): Promise<boolean> {
  const partial = path.join(repo, 'state', `${commit}.commitpartial`);
  return (await exists(commitFile(repo, commit))) && !(await exists(partial));
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
