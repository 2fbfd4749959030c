import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { CommitSource } from '../ostree/commit-source.ts';
import type { Progress } from '../progress/progress.ts';
import { counterOf } from './boot-counter.ts';
import { mendClock } from './clock.ts';
import { type Connection, connectionOf } from './connection.ts';
import { beforeTrial, deployCommit, olderThanBooted, undeploy } from './deploy-commit.ts';
import { followBoots } from './follow.ts';
import { type DeployLimits, limitsOf } from './limits.ts';
import { type Lock, newOwner, type Owner, takeLock } from './lock.ts';
import { type DeviceState, observe } from './observe.ts';
import type { PowerSwitch } from './power.ts';
import { type PullOptions, pullThrough } from './push.ts';
import { reboot } from './reboot.ts';
import type { Session } from './session.ts';
import { connect } from './ssh.ts';
import { includes, stateOf } from './states.ts';
import { StepRecorder } from './steps.ts';
import { closeTrial, judgeAgain, observeJudged } from './trial.ts';
import { judge, type Observations } from './verdict.ts';

export interface DeployOptions {
  workspace: Workspace;
  progress: Progress;
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** Where devices pull from; one for all of a run. */
  source: CommitSource;
  transfer?: Pick<PullOptions, 'delta' | 'throttle'>;
  limits?: Partial<DeployLimits>;
  /** How long to wait for another deployment to the same device, in milliseconds; not at all when not given. */
  waitLockMs?: number;
  /** Cycled once, as a last resort, when the device does not come back from its reboot; null: never. */
  power?: PowerSwitch | null;
}

/** Where an attempt tells how far it is. */
export interface Show {
  bytes(bytes: number): void;
  detail(text: string): void;
}

/**
 * One deployment at work: what it has seen and done until now. It takes the device from state to state (states.ts), from
 * the one that it is found in.
 */
export class DeployAttempt {
  readonly recorder = new StepRecorder();
  readonly observed: Observations;
  readonly #sessions: Session[] = [];
  powerCycled = false;
  readonly #device: DeviceConfig;
  readonly #options: DeployOptions;
  readonly #limits: DeployLimits;
  readonly #owner: Owner;
  readonly #show: Show;
  #lock: Lock | null = null;

  /** @param wanted a commit, or null: the older deployment that the device has */
  constructor(device: DeviceConfig, wanted: string | null, options: DeployOptions, show: Show) {
    this.observed = {
      wanted: wanted ?? '',
      before: null,
      rebooted: false,
      after: null,
      takenBack: null,
      stopped: null,
    };
    this.#device = device;
    this.#options = options;
    this.#limits = limitsOf(options.limits);
    this.#owner = newOwner(options.environment ?? process.env);
    this.#show = show;
  }

  async work(): Promise<void> {
    const { observed } = this;
    const to = await connectionOf(this.#device, this.#options.workspace);
    const found = await this.#reach(to);
    if (stateOf(found, observed.wanted) === 'healthy') return;
    await this.#lockDevice();
    const before = await this.#settle(to, found);
    if (before === null) return;
    if (includes(stateOf(before, observed.wanted), 'rebooted')) {
      observed.after =
        before.health?.healthy === false ? await judgeAgain(this.#live, before, observed.wanted) : before;
    } else {
      await this.#change(to, before);
    }
    await this.#takeBackUnlessHealthy(to);
  }

  /** Gives back the lock and the connection; what is left to do on the device is done. */
  async end(): Promise<void> {
    if (this.session?.alive) await this.#lock?.release();
    await this.session?.close();
  }

  get session(): Session | null {
    return this.#sessions.at(-1) ?? null;
  }

  /** Bytes that all connections until now have carried to the device, logins included. */
  get bytesSent(): number {
    return this.#sessions.reduce((sum, { traffic }) => sum + traffic.sent, 0);
  }

  get #live(): Session {
    if (this.session === null) throw new Error('not connected');
    return this.session;
  }

  async #reach(to: Connection): Promise<DeviceState> {
    this.#show.detail('connecting');
    const { signal, environment } = this.#options;
    const work = async () => {
      const session = await connect(to, { signal, environment });
      this.#sessions.push(session);
      const state = await observe(session, this.observed.wanted);
      if (this.observed.wanted === '') this.observed.wanted = this.#older(state);
      this.observed.before = state;
      return state;
    };
    return this.recorder.take('connect', work, (state) => {
      return `runs ${state.booted.checksum.slice(0, 12)}, ${stateOf(state, this.observed.wanted)}`;
    });
  }

  #older(state: DeviceState): string {
    const older = olderThanBooted(state);
    if (older !== null) return older.checksum;
    const message = `device ${this.#device.name} has no older deployment to go back to`;
    throw new LockstepError('E_DEPLOY', message, { hint: 'deploy an older commit with `--commit`' });
  }

  async #lockDevice(): Promise<void> {
    const { signal, waitLockMs = 0 } = this.#options;
    this.#lock = await takeLock(this.#live, this.#owner, { signal, waitMs: waitLockMs, onWait: this.#show.detail });
  }

  /** A trial that was left open ends first: what it comes to decides from where this one starts. Null: it was this one's. */
  async #settle(to: Connection, found: DeviceState): Promise<DeviceState | null> {
    const { observed } = this;
    const { wanted } = observed;
    // Another agent may have finished while this one waited for the lock.
    const seen = await observe(this.#live, wanted);
    if (!seen.onTrial && !includes(stateOf(seen, wanted), 'rebooted')) return this.#start(seen);
    if (seen.onTrial && !isBootedForTrial(seen)) return this.#start(seen);
    this.#show.detail('waiting until its boot is judged');
    const work = () => this.#untilJudged(to, seen, found.bootId);
    const judged = await this.recorder.take('prove', work, runsWhat);
    if (seen.onTrial && seen.trial?.commit === wanted && judged.booted.checksum !== wanted) {
      // It was this commit's trial, and that is how it ended: once more would be the same again.
      observed.before = seen;
      observed.after = judged;
      return null;
    }
    return this.#start(judged);
  }

  #start(seen: DeviceState): DeviceState {
    this.observed.before = seen;
    return seen;
  }

  async #untilJudged(to: Connection, seen: DeviceState, bootId: string): Promise<DeviceState> {
    try {
      const judged = await observeJudged(this.#live, seen, this.observed.wanted, this.#limits);
      if (!judged.onTrial) return judged;
    } catch (error) {
      if (!(error instanceof LockstepError && error.code === 'E_SSH_CUT')) throw error;
    }
    return this.#follow(to, bootId);
  }

  async #change(to: Connection, before: DeviceState): Promise<void> {
    const { observed, recorder } = this;
    const reached = stateOf(before, observed.wanted);
    if (!includes(reached, 'transferred')) {
      this.#show.detail('pulling');
      await recorder.take(
        'pull',
        () => this.#pull(before),
        (detail) => detail,
      );
    }
    this.#show.detail('deploying');
    const deployed = includes(reached, 'deployed')
      ? 'it was deployed already'
      : `as stateroot ${before.booted.stateroot}`;
    const limits = this.#limits;
    await recorder.take(
      'deploy',
      () => deployCommit(this.#live, before, observed.wanted, this.#owner, limits),
      () => deployed,
    );
    observed.after = await this.#reboot(to, before.bootId);
  }

  /** Reboots and follows the device until a boot is judged. */
  async #reboot(to: Connection, bootId: string): Promise<DeviceState> {
    this.#show.detail('rebooting');
    this.observed.rebooted = true;
    const started = performance.now();
    let answeredAt: number | null = null;
    const answered = () => {
      if (answeredAt !== null) return;
      answeredAt = performance.now();
      this.recorder.add('reboot', answeredAt - started, true, 'answers again');
    };
    try {
      await reboot(this.#live);
      const seen = await this.#followOrCycle(to, bootId, answered);
      this.recorder.add('prove', performance.now() - (answeredAt ?? started), true, runsWhat(seen));
      return seen;
    } catch (error) {
      const step = answeredAt === null ? 'reboot' : 'prove';
      this.recorder.add(step, performance.now() - (answeredAt ?? started), false, (error as Error).message);
      throw error;
    }
  }

  /** A boot that hung for good may start from a cold one: what it runs then is judged like any other boot. */
  async #followOrCycle(to: Connection, bootId: string, answered: () => void): Promise<DeviceState> {
    const { power, signal } = this.#options;
    try {
      return await this.#follow(to, bootId, answered);
    } catch (error) {
      if (!power || !(error instanceof LockstepError && error.code === 'E_SSH_UNREACHABLE')) throw error;
      this.#show.detail('cycling its power');
      const work = () => power.turn('cycle', signal);
      const cycled = await this.recorder
        .take('power cycle', work, ({ output }) => output || 'off and on')
        .catch((failure) => {
          if (failure instanceof LockstepError && failure.code === 'E_INTERRUPTED') throw failure;
          return null;
        });
      if (cycled === null) throw error;
      this.powerCycled = true;
      return this.#follow(to, bootId, answered);
    }
  }

  async #follow(to: Connection, bootId: string, answered = () => {}): Promise<DeviceState> {
    const { signal, environment } = this.#options;
    const { down, return: returnMs } = this.#limits;
    const onSession = async (session: Session) => {
      this.#sessions.push(session);
      answered();
      // Who has it now took it because nobody came back in time; what the device runs is still to be judged.
      this.#lock = await takeLock(session, this.#owner, { signal, waitMs: 0 }).catch((error) => {
        if (error instanceof LockstepError && error.code === 'E_DEVICE_LOCKED') return null;
        throw error;
      });
    };
    const waiting = { signal, environment, downMs: down, returnMs, onWait: this.#show.detail, onSession };
    return (await followBoots(to, bootId, { ...waiting, wanted: this.observed.wanted, trial: this.#limits })).seen;
  }

  async #pull(before: DeviceState): Promise<string> {
    const clock = await mendClock(this.#live, before);
    const { source, transfer } = this.#options;
    const options = { ...transfer, source, onBytes: this.#show.bytes, timeoutMs: this.#limits.pull };
    const { bytes, files, deltaFrom } = await pullThrough(this.#live, this.observed.wanted, options);
    const what = deltaFrom === null ? `${files} objects` : `a delta from ${deltaFrom.slice(0, 12)}`;
    return [`${what}, ${bytes} bytes`, ...(clock === null ? [] : [clock])].join('; ');
  }

  /** Where no boot loader counts, an unhealthy device is taken back from here; a proven one needs its trial no more. */
  async #takeBackUnlessHealthy(to: Connection): Promise<void> {
    const { observed, recorder } = this;
    const { after } = observed;
    if (after === null || counterOf(after) !== null) return;
    const { verdict, reason } = judge(observed);
    const session = this.#live;
    if (verdict !== 'unhealthy' || reason === null) {
      if (after.trial !== null && after.trial.result === null && verdict !== 'never-rebooted')
        await closeTrial(session, after);
      return;
    }
    const older = beforeTrial(after);
    if (older === null || after.trial?.commit !== observed.wanted || after.trial.result !== null) return;
    observed.takenBack = reason;
    this.#show.detail('taking it back');
    const work = async () => {
      await closeTrial(session, after);
      await deployCommit(session, after, older.checksum, this.#owner, this.#limits);
      await reboot(session);
      observed.after = await this.#follow(to, after.bootId);
      await closeTrial(this.#live, observed.after);
      await undeploy(this.#live, observed.after, observed.wanted, this.#limits.deploy);
      return observed.after;
    };
    await recorder.take('take back', work, runsWhat);
  }
}

/** The boot that answers is one of the trial, or its fallback; otherwise the trial has only been prepared. */
function isBootedForTrial({ booted, cmdline, trial }: DeviceState): boolean {
  return (
    trial === null || booted.checksum === trial.commit || cmdline.some((word) => word.startsWith('lockstep.boot='))
  );
}

function runsWhat(state: DeviceState): string {
  return `runs ${state.booted.checksum.slice(0, 12)}`;
}
