import { LockstepError } from '../errors/index.ts';
import { serveRepo } from '../ostree/serve.ts';
import type { Session } from './session.ts';

/** The remote that lockstep makes on a device whose image brings none: see image/signing/trust.ts for those that do. */
const remote = 'lockstep';
/** Keeps the commit from being pruned until a deployment holds it. */
export const pushedRef = 'lockstep/pushed';

// The remote of the running image demands signatures; the one that lockstep adds trusts the SSH channel, whose other end
// has proven that it may log in as root. ostree checks the hash of every object in both cases.
const pullScript = `
port=$1 commit=$2
repo=/ostree/repo
if [ -e /usr/share/lockstep/remote ]; then
  read -r remote </usr/share/lockstep/remote
else
  remote=${remote}
  if ! ostree --repo=$repo remote list | grep -qx $remote; then
    ostree --repo=$repo remote add --no-gpg-verify $remote http://127.0.0.1/
  fi
fi
ostree --repo=$repo pull --url="http://127.0.0.1:$port" "$remote" "$commit"
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
 * kept for the next. Throws E_SIGN_REFUSED when the device's image demands a signature that the commit lacks, else
 * E_DEVICE_COMMAND with ostree's words when the device does not take it.
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
  } catch (error) {
    throw refusal(error, commit) ?? error;
  } finally {
    forward.close();
    repo.close();
  }
}

/** What ostree says of commits without signature, with one of another key, or with a bad one (ostree-gpg-verifier.c). */
const signatureComplaint =
  /GPG verification enabled, but no signatures|GPG signatures found, but none are|BAD signature|Can't check signature/;

function refusal(error: unknown, commit: string): LockstepError | null {
  if (!(error instanceof LockstepError) || error.code !== 'E_DEVICE_COMMAND') return null;
  if (!signatureComplaint.test(error.message)) return null;
  const message = `the device takes only signed commits, and not ${commit.slice(0, 12)}: ${error.message}`;
  return new LockstepError('E_SIGN_REFUSED', message, {
    hint: 'sign it with a key that the image on the device carries',
    cause: error,
  });
}
