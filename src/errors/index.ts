export { catalogue, type ErrorCode, type ErrorEntry } from './catalogue.ts';
export { LockstepError, type LockstepErrorOptions } from './lockstep-error.ts';
export { redact } from './redact.ts';
