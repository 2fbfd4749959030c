import { expect } from 'chai';
import { type ErrorCode, LockstepError } from '../src/errors/index.ts';

/** The error that some work must end with. */
export async function refusal(work: Promise<unknown>, code: ErrorCode): Promise<LockstepError> {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown !== null && !(thrown instanceof LockstepError)) throw thrown;
  expect(thrown, 'it was accepted').to.be.instanceOf(LockstepError);
  expect(thrown, (thrown as LockstepError).message).to.have.property('code', code);
  return thrown as LockstepError;
}

/** The error that some work which waits for nothing must end with. */
export function complaint(work: () => unknown): LockstepError {
  try {
    work();
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
