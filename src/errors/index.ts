export { catalogue, type ErrorCode } from './catalogue.ts';
export type { ErrorEntry } from './entry.ts';
export { LockstepError, type LockstepErrorOptions } from './lockstep-error.ts';
export { redact } from './redact.ts';
