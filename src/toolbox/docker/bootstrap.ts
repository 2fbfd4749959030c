import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { Stage } from '../../progress/progress.ts';
import { freshProc, isolation } from '../isolation.ts';
import { toolFailure } from '../tool-failure.ts';

const withinMs = 20 * 60_000;

/**
 * The tar archive that mmdebstrap makes. Ends only after mmdebstrap ended well: half a tar would import without complaint.
 * Whatever ends it, the chroot that it was made in, its mounts and its processes are gone.
 */
export async function* bootstrapTar(argv: string[], stage: Stage, signal: AbortSignal): AsyncGenerator<Buffer> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'lockstep-bootstrap-'));
  // apt drops to a user of its own to download.
  await chmod(scratch, 0o755);
  // As another user than root mmdebstrap makes namespaces itself, and takes them down itself when asked to end.
  const root = process.getuid?.() === 0;
  const namespaces = root ? [...isolation, freshProc, '--'] : [];
  const [program = '', ...args] = [...namespaces, 'mmdebstrap', ...argv];
  const child = execa(program, args, {
    buffer: { stdout: false },
    encoding: 'buffer',
    stdin: 'ignore',
    env: { TMPDIR: scratch },
    cancelSignal: signal,
    // `unshare` waits for its child whatever it is asked; killed, it takes everything with it.
    killSignal: root ? 'SIGKILL' : 'SIGTERM',
    forceKillAfterDelay: 10_000,
    timeout: withinMs,
    reject: false,
  });
  try {
    for await (const chunk of child.stdout) {
      stage.advance({ bytes: (chunk as Buffer).length });
      yield chunk as Buffer;
    }
    const { failed, exitCode, stderr } = await child;
    if (failed) {
      const text = Buffer.from(stderr ?? []).toString();
      throw toolFailure({ argv: ['mmdebstrap', ...argv], exitCode: exitCode ?? 137, stderr: text });
    }
  } finally {
    child.kill();
    await child;
    // Not by Node's own rm, which would follow a mount that was left behind.
    await execa('rm', ['-rf', '--one-file-system', scratch], { reject: false, timeout: 60_000 });
  }
}
