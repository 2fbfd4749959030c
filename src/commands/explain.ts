import { nearest } from '../config/nearest.ts';
import { catalogue, type ErrorCode, LockstepError } from '../errors/index.ts';
import { ok, type Verb } from './verb.ts';

/** `lockstep explain [CODE]`: what an error code means; without one, the list of all. */
export const explain: Verb = {
  name: 'explain',
  summary: 'tell what an error code means and what to do',
  declare: (command) => command.argument('[code]', 'error code, such as E_LOCK_STALE'),
  async run(_context, _options, [word]) {
    if (word === undefined) {
      const codes = Object.keys(catalogue) as ErrorCode[];
      const lines = codes.map((code) => `${code.padEnd(22)} ${catalogue[code].meaning}`);
      return ok(lines.join('\n'), { codes });
    }
    const code = word.toUpperCase();
    if (!isCode(code)) throw unknownCode(word);
    const { exit, meaning, remedy } = catalogue[code];
    return ok(`${code} (exit code ${exit})\n\n${meaning}\n\nWhat to do: ${remedy}`, {
      explained: { code, exit, meaning, remedy },
    });
  },
};

function isCode(word: string): word is ErrorCode {
  return Object.hasOwn(catalogue, word);
}

function unknownCode(word: string): LockstepError {
  const meant = nearest(word.toUpperCase(), Object.keys(catalogue));
  const hint = meant === null ? '`lockstep explain` lists them all' : `did you mean ${meant}?`;
  return new LockstepError('E_NO_SUCH_CODE', `there is no error code ${word}`, { hint });
}
