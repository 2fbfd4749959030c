import { LockstepError } from '../errors/index.ts';
import { triggerAndFollow } from '../jenkins/follow.ts';
import type { Progress } from '../progress/progress.ts';
import { inStage } from '../progress/progress.ts';
import type { Candidate, GateResult } from './refresh.ts';
import { pushBranch } from './remote.ts';

export interface JenkinsGateOptions {
  /** Controller and job, as in lockstep.yml. */
  url: string;
  job: string;
  remote: string;
  /** The refresh branch: the candidate is published beside it, as `<branch>-candidate`, while the job runs. */
  branch: string;
  /** Holds LOCKSTEP_JENKINS_USER and LOCKSTEP_JENKINS_TOKEN. */
  environment: NodeJS.ProcessEnv;
  progress: Progress;
  signal: AbortSignal;
  timeoutMs?: number;
}

const fourHours = 14_400_000;

/**
 * Lets a Jenkins job judge a candidate. The job must be able to fetch what it judges, so the commit is pushed to a branch
 * of its own, which is deleted afterwards; the job gets its name and commit as LOCKSTEP_BRANCH and LOCKSTEP_COMMIT.
 */
export function jenkinsGate(options: JenkinsGateOptions): (candidate: Candidate) => Promise<GateResult> {
  return async ({ commit, git, cleanupGit }) => {
    const name = `${options.branch}-candidate`;
    const listed = (await git(['ls-remote', options.remote, `refs/heads/${name}`])).stdout;
    // One that a refresh left which died: it is replaced, unless somebody else replaces it first.
    await pushBranch(git, options.remote, name, commit, listed === '' ? null : (listed.split('\t')[0] ?? null));
    try {
      return await follow(options, name, commit);
    } finally {
      await pushBranch(cleanupGit, options.remote, name, null, commit).catch((error: Error) => {
        options.progress.note(`${name} was left on ${options.remote}: ${error.message}`);
      });
    }
  };
}

async function follow(options: JenkinsGateOptions, branch: string, commit: string): Promise<GateResult> {
  const { url, job, progress, signal } = options;
  const build = await inStage(progress, `gate ${job}`, (stage) =>
    triggerAndFollow({
      url,
      job,
      credentials: credentialsOf(options.environment),
      parameters: { LOCKSTEP_BRANCH: branch, LOCKSTEP_COMMIT: commit },
      signal,
      timeoutMs: options.timeoutMs ?? fourHours,
      onState: (text) => {
        stage.advance({ detail: text });
        progress.note(`${job}: ${text}`);
      },
    }),
  );
  const message = `${job} #${build.number} ended as ${build.result}: ${build.url}`;
  if (build.result === 'SUCCESS') return { outcome: 'ok', code: null, message, hint: null };
  if (build.result === 'UNSTABLE') return { outcome: 'unstable', code: 'E_TESTS_FAILED', message, hint: null };
  return { outcome: 'failed', code: 'E_JENKINS_BUILD', message, hint: 'Read its log at that address.' };
}

function credentialsOf(environment: NodeJS.ProcessEnv): { user: string; token: string } | null {
  const { LOCKSTEP_JENKINS_USER: user = '', LOCKSTEP_JENKINS_TOKEN: token = '' } = environment;
  if (user === '' && token === '') return null;
  if (user !== '' && token !== '') return { user, token };
  const missing = user === '' ? 'LOCKSTEP_JENKINS_USER' : 'LOCKSTEP_JENKINS_TOKEN';
  throw new LockstepError('E_JENKINS_UNREACHABLE', `${missing} is not set, but its counterpart is`, {
    hint: 'Set both, or neither for a controller that asks for none.',
  });
}
