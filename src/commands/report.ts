import { LockstepError } from '../errors/index.ts';
import { writeReport } from '../report/html.ts';
import { readResult } from '../report/result.ts';
import { ok, type Verb } from './verb.ts';

/** `lockstep report`: writes the page of the last run anew, from its result.json. */
export const report: Verb = {
  name: 'report',
  summary: 'write the HTML report of the last run anew',

  async run(context) {
    const { run } = await context.workspace();
    const result = await readResult(run);
    if (result === null) {
      throw new LockstepError('E_RESULT', `${run} holds no results of a run`, {
        hint: 'Run `lockstep run` or `lockstep test` first.',
      });
    }
    const page = await writeReport(run, result);
    return ok(`report: ${page}`, { report: page, description: result.description });
  },
};
