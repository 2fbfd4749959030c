import { catalogue, type ErrorCode } from './catalogue.ts';
import type { FailureExit } from './entry.ts';
import { redact } from './redact.ts';

export interface LockstepErrorOptions {
  /** What to do about it, one line. */
  hint?: string;
  cause?: unknown;
}

/**
 * The one error that users see. The message names the thing, where it is (file and line, package, device), and what was
 * expected; the hint says what to do; the code can be looked up with `lockstep explain CODE`.
 */
export class LockstepError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, options: LockstepErrorOptions = {}) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LockstepError';
    this.code = code;
    this.hint = options.hint === undefined ? null : redact(options.hint);
  }

  get exitCode(): FailureExit {
    return catalogue[this.code].exit;
  }
}
