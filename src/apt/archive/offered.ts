import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { Deb822Error, parseStanzas } from '../deb822.ts';
import { type LockedPackage, lockedPackage } from '../lockfile/locked-package.ts';
import { runApt } from '../root/apt-run.ts';
import type { PrivateRoot } from '../root/private-root.ts';

/** Looks into indexes that apt has fetched, in the toolbox, so that only what is asked for travels. */
export class Offered {
  readonly #toolbox: Toolbox;
  readonly #root: PrivateRoot;
  readonly #indexes: readonly string[];

  constructor(toolbox: Toolbox, root: PrivateRoot, indexes: readonly string[]) {
    this.#toolbox = toolbox;
    this.#root = root;
    this.#indexes = indexes;
  }

  /** The same in these of the indexes alone. */
  within(indexes: readonly string[]): Offered {
    return new Offered(this.#toolbox, this.#root, indexes);
  }

  /** All versions of these packages, each as often as an index has it. */
  async named(names: readonly string[]): Promise<LockedPackage[]> {
    const output = await this.#search(byName, names);
    try {
      return parseStanzas(output).map((stanza) => lockedPackage(stanza));
    } catch (error) {
      if (error instanceof Deb822Error) throw unreadable(error.message);
      throw error;
    }
  }

  /** Which of these debs there are, by sha256. */
  async digests(wanted: readonly string[]): Promise<Set<string>> {
    return new Set((await this.#search(digestsIn, wanted)).split('\n').filter(Boolean));
  }

  async #search(program: string, words: readonly string[]): Promise<string> {
    if (words.length === 0 || this.#indexes.length === 0) return '';
    const argv = ['env', 'LC_ALL=C', 'awk', program, '-', 'RS=', ...this.#indexes];
    const input = words.map((word) => `${word}\n`).join('');
    const { exitCode, stdout, output } = await runApt(this.#toolbox, this.#root, argv, { input, timeoutMs: 120_000 });
    if (exitCode !== 0) throw unreadable(output.slice(-2000));
    return stdout;
  }
}

/** First file: what is wanted, a word a line; then the indexes, a record for each stanza. */
const byName = `
NR == FNR { wanted[$1] = 1; next }
{
  text = "\\n" $0
  rest = substr(text, index(text, "\\nPackage: ") + 10)
  if (substr(rest, 1, index(rest "\\n", "\\n") - 1) in wanted) printf "%s\\n\\n", $0
}
`;

const digestsIn = `
NR == FNR { wanted[$1] = 1; next }
{ at = index($0, "\\nSHA256: "); if (at && substr($0, at + 9, 64) in wanted) print substr($0, at + 9, 64) }
`;

function unreadable(message: string): LockstepError {
  return new LockstepError('E_APT_FAILED', `the indexes that apt fetched cannot be read: ${message}`);
}
