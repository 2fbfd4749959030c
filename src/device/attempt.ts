import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { Progress } from '../progress/progress.ts';
import { counterOf, setCounter } from './boot-counter.ts';
import { connectionOf } from './connection.ts';
import { kargOptions } from './kargs.ts';
import { type DeviceState, observe } from './observe.ts';
import { journalTail, observeSettled } from './prove.ts';
import { type Pulled, pullThrough } from './push.ts';
import { awaitReturn, reboot } from './reboot.ts';
import type { Session } from './session.ts';
import { connect } from './ssh.ts';
import { StepRecorder } from './steps.ts';
import { isCurrent, judge, type Observations } from './verdict.ts';

export interface DeployOptions {
  workspace: Workspace;
  progress: Progress;
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  limits?: Partial<DeployLimits>;
}

/** Milliseconds. */
export interface DeployLimits {
  pull: number;
  deploy: number;
  /** Until the old boot no longer answers. */
  down: number;
  /** From the command to reboot until the device answers: room for three failed boots of a slow board. */
  return: number;
  /** From the first answer until systemd has settled. */
  settle: number;
}

const usualLimits: DeployLimits = {
  pull: 1_800_000,
  deploy: 900_000,
  down: 180_000,
  return: 900_000,
  settle: 180_000,
};

/** Where an attempt tells how far it is. */
export interface Show {
  bytes(bytes: number): void;
  detail(text: string): void;
}

/** One deployment at work: what it has seen and done until now. */
export class DeployAttempt {
  readonly recorder = new StepRecorder();
  readonly observed: Observations;
  session: Session | null = null;
  bytesSent = 0;
  journal: string | null = null;
  readonly #device: DeviceConfig;
  readonly #options: DeployOptions;
  readonly #limits: DeployLimits;

  constructor(device: DeviceConfig, wanted: string, options: DeployOptions) {
    this.observed = { wanted, before: null, rebooted: false, after: null, stopped: null };
    this.#device = device;
    this.#options = options;
    this.#limits = { ...usualLimits, ...options.limits };
  }

  async work(show: Show): Promise<void> {
    const { recorder, observed } = this;
    const { signal, environment, workspace } = this.#options;
    const to = await connectionOf(this.#device, workspace);

    show.detail('connecting');
    const [session, before] = await recorder.take(
      'connect',
      () => this.#look(),
      ([, state]) => {
        return `runs ${state.booted.checksum.slice(0, 12)}`;
      },
    );
    if (isCurrent(before, observed.wanted)) {
      if (before.onTrial) await this.#takeProof(session, show);
      this.journal ??= await journalTail(session);
      return;
    }

    show.detail('pulling');
    await recorder.take(
      'pull',
      () => this.#pull(session, show),
      ({ bytes, files }) => `${files} objects, ${bytes} bytes`,
    );

    show.detail('deploying');
    await recorder.take(
      'deploy',
      () => this.#deploy(session, before),
      () => `as stateroot ${before.booted.stateroot}`,
    );

    show.detail('rebooting');
    observed.rebooted = true;
    const returned = await recorder.take(
      'reboot',
      async () => {
        await reboot(session);
        const waiting = { signal, environment, downMs: this.#limits.down, returnMs: this.#limits.return };
        return awaitReturn(to, before.bootId, { ...waiting, onWait: show.detail });
      },
      () => 'answers again',
    );
    this.session = returned;

    await this.#takeProof(returned, show);
  }

  async #takeProof(session: Session, show: Show): Promise<void> {
    show.detail('proving');
    await this.recorder.take(
      'prove',
      () => this.#prove(session),
      (state) => `runs ${state.booted.checksum.slice(0, 12)}`,
    );
  }

  async #look(): Promise<[Session, DeviceState]> {
    const { signal, environment, workspace } = this.#options;
    const session = await connect(await connectionOf(this.#device, workspace), { signal, environment });
    this.session = session;
    this.observed.before = await observe(session);
    return [session, this.observed.before];
  }

  async #pull(session: Session, show: Show): Promise<Pulled> {
    const onBytes = (bytes: number) => {
      this.bytesSent += bytes;
      show.bytes(bytes);
    };
    const { archive } = this.#options.workspace;
    return pullThrough(session, this.observed.wanted, { archive, onBytes, timeoutMs: this.#limits.pull });
  }

  /** The counter is armed first: from the moment the boot loader knows the new deployment, its boots are counted. */
  async #deploy(session: Session, before: DeviceState): Promise<void> {
    const kargs = await kargOptions(session, before, this.observed.wanted);
    await setCounter(session, before, { boots: 3, fallback: 2 });
    const argv = ['ostree', 'admin', 'deploy', `--os=${before.booted.stateroot}`, ...kargs, this.observed.wanted];
    try {
      await session.exec(argv, { timeoutMs: this.#limits.deploy });
    } catch (error) {
      // Nothing is on trial then; a counter left armed would drive the good deployment out after some boots.
      if (session.alive) await setCounter(session, before, null);
      throw error;
    }
  }

  async #prove(session: Session): Promise<DeviceState> {
    const { observed } = this;
    const after = await observeSettled(session, this.#limits.settle);
    observed.after = after;
    this.journal = await journalTail(session);
    const { verdict, reason } = judge(observed);
    if (verdict === 'rolled-back' || verdict === 'deployed' || verdict === 'unchanged')
      await this.#endTrial(session, after);
    if (reason !== null) throw new LockstepError('E_DEPLOY', reason);
    return after;
  }

  /**
   * Tells the boot loader that the trial is over. After a fallback the bad deployment is still first in the boot order:
   * it goes before the counter is cleared, or the next boot would take it again, uncounted.
   */
  async #endTrial(session: Session, after: DeviceState): Promise<void> {
    if (counterOf(after) === null) return;
    const first = after.deployments[0];
    if (first !== undefined && !first.booted && first.checksum === this.observed.wanted) {
      await session.exec(['ostree', 'admin', 'undeploy', '0'], { timeoutMs: this.#limits.deploy });
    }
    await setCounter(session, after, null);
  }
}
