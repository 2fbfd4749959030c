import type { CaseResult } from './results.ts';

/** What reports need to know of how a deployment to a device ended; src/device/deploy.ts says it. */
export interface Deployment {
  name: string;
  verdict: string;
  /** Why, when the device does not run what it should. */
  reason: string | null;
  /** The commit that the device should run. */
  wanted: string;
  /** The commit that it was last seen to run. */
  commit: string | null;
  bytesSent: number;
  ms: number;
  steps: DeploymentStep[];
  /** What of `ms` was neither transfer, `ostree admin deploy` nor boots; from the judged boot until the verdict. */
  ownMs?: number;
  verdictMs?: number | null;
  /** Wanted health scripts that did not succeed. */
  warnings?: string[];
  /** Names of files with what the device said. */
  evidence?: string[];
}

export interface DeploymentStep {
  name: string;
  ms: number;
  ok: boolean;
  detail: string;
}

const phases = ['deploy', 'reboot', 'health'] as const;
type Phase = (typeof phases)[number];

const phaseOfStep: Record<string, Phase> = {
  connect: 'deploy',
  pull: 'deploy',
  deploy: 'deploy',
  reboot: 'reboot',
  prove: 'health',
  'take back': 'health',
};

/** Where each bad verdict shows: the phases before it went well, those after it were not reached. */
const phaseOfVerdict: Record<string, Phase> = {
  unreachable: 'deploy',
  refused: 'deploy',
  'never-rebooted': 'reboot',
  'never-returned': 'reboot',
  'rolled-back': 'health',
  'wrong-commit': 'health',
  unhealthy: 'health',
};

/** Whether the device runs what it should, so that tests on it mean something. */
export function isDeployed({ verdict }: { verdict: string }): boolean {
  return verdict === 'deployed' || verdict === 'unchanged';
}

/** The cases `deploy`, `reboot` and `health`, there for every device whatever became of it. */
export function deploymentCases(deployment: Deployment): CaseResult[] {
  const failedAt = phaseOfVerdict[deployment.verdict];
  const failedIndex = failedAt === undefined ? phases.length : phases.indexOf(failedAt);
  return phases.map((phase, index) => {
    const steps = deployment.steps.filter(({ name }) => phaseOfStep[name] === phase);
    const ms = steps.reduce((sum, step) => sum + step.ms, 0);
    const output = steps.map(({ name, ok, detail }) => `${ok ? 'ok' : 'failed'}  ${name}: ${detail}\n`).join('');
    return { name: phase, ms, output, ...judge(phase, index - failedIndex, deployment) };
  });
}

function judge(phase: Phase, position: number, deployment: Deployment): Pick<CaseResult, 'status' | 'message'> {
  const { verdict, reason, wanted } = deployment;
  if (verdict === 'unchanged') {
    if (phase !== 'deploy') return { status: 'skipped', message: 'nothing was deployed' };
    return { status: 'passed', message: `unchanged: it runs ${wanted.slice(0, 12)} already` };
  }
  if (position > 0) return { status: 'skipped', message: `not reached: ${verdict}` };
  if (position === 0) return { status: 'failed', message: reason === null ? verdict : `${verdict}: ${reason}` };
  return { status: 'passed', message: null };
}
