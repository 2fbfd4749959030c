import { serveRepo } from '../ostree/serve.ts';
import type { Session } from './session.ts';

/** Name of the remote on the device; where it exists already, its settings (signature checks above all) stay. */
const remote = 'lockstep';
/** Keeps the commit from being pruned until a deployment holds it. */
export const pushedRef = 'lockstep/pushed';

// A remote of the device's own making may demand signatures; one that lockstep adds trusts the SSH channel, whose
// other end has proven that it may log in as root. ostree checks the hash of every object in both cases.
const pullScript = `
port=$1 commit=$2
repo=/ostree/repo
if ! ostree --repo=$repo remote list | grep -qx ${remote}; then
  ostree --repo=$repo remote add --no-gpg-verify ${remote} http://127.0.0.1/
fi
ostree --repo=$repo pull --url="http://127.0.0.1:$port" ${remote} "$commit"
ostree --repo=$repo refs --force --create=${pushedRef} "$commit"`;

export interface PullOptions {
  /** The archive repository that holds the commit. */
  archive: string;
  onBytes?: (bytes: number) => void;
  timeoutMs?: number;
}

export interface Pulled {
  bytes: number;
  files: number;
}

/**
 * Lets the device pull a commit through the SSH connection; only what it lacks travels, and what an attempt brought is
 * kept for the next. Throws E_DEVICE_COMMAND with ostree's words when the device does not take it.
 */
export async function pullThrough(session: Session, commit: string, options: PullOptions): Promise<Pulled> {
  const repo = serveRepo(options.archive, options.onBytes);
  const forward = await session.forward(repo.server);
  try {
    await session.script(pullScript, {
      args: [String(forward.port), commit],
      timeoutMs: options.timeoutMs ?? 1_800_000,
    });
    return { bytes: repo.bytesSent(), files: repo.filesSent() };
  } finally {
    forward.close();
    repo.close();
  }
}
