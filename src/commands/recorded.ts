import { type ErrorCode, LockstepError } from '../errors/index.ts';
import type { Draft } from '../report/draft.ts';
import { type Ending, publish } from '../report/publish.ts';
import { openRunDirectory } from '../report/run-directory.ts';
import type { Context, Outcome } from './verb.ts';

export interface RecordedOptions {
  /** Names of devices whose logs in `.lockstep/run` stay. */
  carry?: readonly string[];
}

/**
 * Does the work of a verb with a fresh run directory in the place of `.lockstep/run`, and publishes it with what the
 * work put into the draft: result.json, JUnit files, the page. When the work throws, what is published says so and holds
 * no JUnit file, so that nobody takes the results of the run before for this one's.
 */
export async function recorded(
  context: Context,
  options: RecordedOptions,
  work: (inner: Context, draft: Draft) => Promise<Outcome>,
): Promise<Outcome> {
  const workspace = await context.workspace();
  const startedAt = new Date();
  const directory = await openRunDirectory(workspace, options.carry);
  const inner: Context = { ...context, workspace: async () => ({ ...workspace, run: directory.path }) };
  const draft: Draft = { images: [], devices: [] };
  try {
    const outcome = await work(inner, draft);
    const published = await publish(directory, workspace, draft, { ...outcome, startedAt, junit: true });
    return { ...outcome, ...published };
  } catch (error) {
    await publish(directory, workspace, draft, { ...endingOf(error, context), startedAt, junit: false }).catch(
      () => {},
    );
    throw error;
  } finally {
    await directory.discard();
  }
}

function endingOf(error: unknown, { signal }: Context): Ending {
  const { message, hint } = error instanceof LockstepError ? error : { message: String(error), hint: null };
  const own: ErrorCode = error instanceof LockstepError ? error.code : 'E_INTERNAL';
  return { outcome: 'failed', code: signal.aborted ? 'E_INTERRUPTED' : own, message, hint };
}
