import { LockstepError } from '../errors/index.ts';

/** What running tests needs of a login on a device; the one over SSH is in src/device/. */
export interface TestSession {
  /** false once the connection is gone. */
  readonly alive: boolean;
  /**
   * Runs a POSIX shell script as root with `-eu`, `args` as $1, $2 …. With `check: false` it resolves whatever the exit
   * code is, and rejects only when the connection broke, the signal fired, or `timeoutMs` passed.
   */
  script(text: string, options?: ScriptOptions): Promise<ScriptResult>;
}

export interface ScriptOptions {
  args?: readonly string[];
  input?: string | Buffer;
  check?: boolean;
  timeoutMs?: number;
}

export interface ScriptResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The same session, where every wait ends when the signal fires; the login itself stays, so that it can clean up. */
export function interruptible(session: TestSession, device: string, signal: AbortSignal): TestSession {
  return {
    get alive() {
      return session.alive;
    },
    async script(text, options) {
      if (signal.aborted) throw interrupted(device);
      let abort: (() => void) | undefined;
      const aborted = new Promise<never>((_, reject) => {
        abort = () => reject(interrupted(device));
        signal.addEventListener('abort', abort, { once: true });
      });
      const work = session.script(text, options);
      work.catch(() => {});
      try {
        return await Promise.race([work, aborted]);
      } finally {
        if (abort !== undefined) signal.removeEventListener('abort', abort);
      }
    },
  };
}

export function interrupted(device: string): LockstepError {
  return new LockstepError('E_INTERRUPTED', `device ${device}: its tests were interrupted`);
}
