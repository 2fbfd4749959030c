import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { LockstepError } from '../../src/errors/index.ts';
import { silent } from '../../src/progress/progress.ts';
import { clean, prepare, runOne } from '../../src/testing/remote-scripts.ts';
import { runTests } from '../../src/testing/run.ts';
import type { ScriptOptions, ScriptResult, TestSession } from '../../src/testing/session.ts';

const fine = (stdout = ''): ScriptResult => ({ exitCode: 0, stdout, stderr: '' });

/** A device whose answer to each test is said beforehand. */
class PlayedSession implements TestSession {
  alive = true;
  readonly scripts: string[] = [];
  readonly #answer: (test: string, session: PlayedSession) => Promise<ScriptResult>;

  constructor(answer: (test: string, session: PlayedSession) => Promise<ScriptResult>) {
    this.#answer = answer;
  }

  async script(text: string, options: ScriptOptions = {}): Promise<ScriptResult> {
    this.scripts.push(text);
    if (!this.alive) throw new LockstepError('E_SSH_CUT', 'device virt-1: the connection broke');
    if (text === runOne) return this.#answer(options.args![5]!, this);
    return fine(text === prepare ? '/run/lockstep-tests.x\n' : '');
  }
}

describe('a device that is lost while its tests run', () => {
  let results: string;
  beforeEach(async () => {
    results = await mkdtemp(path.join(tmpdir(), 'lockstep-lost-'));
  });
  afterEach(() => rm(results, { recursive: true }));

  const run = (session: TestSession, timeoutMs = 1_000, slackMs = 1_000) =>
    runTests(
      session,
      { tests: ['1', '2', '3'], archive: Buffer.alloc(0) },
      {
        device: 'virt-1',
        environment: {},
        timeoutMs,
        slackMs,
        results,
        stage: silent.stage('tests'),
        signal: new AbortController().signal,
      },
    );

  it('makes errors, not passes, of the test at hand and of those after it', async () => {
    const session = new PlayedSession(async (test, self) => {
      if (test === '1') return fine();
      self.alive = false;
      throw new LockstepError('E_SSH_CUT', 'device virt-1: the connection broke: reset');
    });
    const { tests } = await run(session);
    expect(tests.map(({ status, message }) => [status, message])).to.deep.equal([
      ['passed', null],
      ['error', 'lost: device virt-1: the connection broke: reset'],
      ['error', 'not run: the device was lost during 2'],
    ]);
  });

  it('reports a hung link as the failure of the test, and goes on when the device still answers', async () => {
    const session = new PlayedSession((test) => (test === '2' ? new Promise(() => {}) : Promise.resolve(fine())));
    const { tests } = await run(session, 50, 50);
    expect(tests.map(({ status, message }) => [status, message])).to.deep.equal([
      ['passed', null],
      ['failed', 'timed out after 0.05 s'],
      ['passed', null],
    ]);
  });

  it('cleans up on a device that lives, and does not try on one that is gone', async () => {
    const living = new PlayedSession(async () => fine());
    await run(living);
    expect(living.scripts.at(-1)).to.equal(clean);
    const gone = new PlayedSession(async (_, self) => {
      self.alive = false;
      throw new LockstepError('E_SSH_CUT', 'gone');
    });
    await run(gone);
    expect(gone.scripts).not.to.include(clean);
  });
});
