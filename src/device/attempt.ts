import type { DeviceConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { LockstepError } from '../errors/index.ts';
import type { CommitSource } from '../ostree/commit-source.ts';
import type { Progress } from '../progress/progress.ts';
import { counterOf } from './boot-counter.ts';
import { mendClock } from './clock.ts';
import { deployCommit, olderThanBooted } from './deploy-commit.ts';
import { isCutOff } from './follow.ts';
import type { Hold } from './hold.ts';
import { type DeployLimits, limitsOf, oneBoot } from './limits.ts';
import { type DeviceState, observe } from './observe.ts';
import type { PowerSwitch } from './power/power.ts';
import { type PullOptions, pullThrough } from './push/push.ts';
import { reboot } from './reboot.ts';
import { includes, isBootOfTrial, stateOf } from './states.ts';
import { StepRecorder } from './steps.ts';
import { refugeOf, takeBack } from './take-back.ts';
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
  /** Cycled as a last resort, when the device does not come back from its reboot (cyclesOf); null: never. */
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
  powerCycled = false;
  readonly #device: DeviceConfig;
  readonly #options: DeployOptions;
  readonly #limits: DeployLimits;
  readonly #show: Show;

  /** @param wanted a commit, or null: the older deployment that the device has */
  constructor(device: DeviceConfig, wanted: string | null, options: DeployOptions, show: Show) {
    const nothing = { before: null, rebooted: false, after: null, takenBack: null, stopped: null };
    this.observed = { wanted: wanted ?? '', ...nothing };
    this.#device = device;
    this.#options = options;
    this.#limits = limitsOf(options.limits);
    this.#show = show;
  }

  async work(hold: Hold): Promise<void> {
    const { observed } = this;
    const found = await this.#reach(hold);
    if (stateOf(found, observed.wanted) === 'healthy') return;
    this.#show.detail('locking');
    const turn = await hold.lock();
    // Another agent may have finished while this one waited for the lock, or has just now.
    const seen = turn === found.turn ? found : await observe(hold.session, observed.wanted);
    const before = await this.#settle(hold, seen);
    if (before === null) return;
    if (!includes(stateOf(before, observed.wanted), 'rebooted')) observed.after = await this.#change(hold, before);
    else if (before.health?.healthy !== false) observed.after = before;
    else observed.after = await judgeAgain(hold.session, before, observed.wanted);
    await this.#endTrial(hold, observed.after);
  }

  async #reach(hold: Hold): Promise<DeviceState> {
    const { observed } = this;
    this.#show.detail('connecting');
    const work = async () => {
      const found = await observe(await hold.connect(), observed.wanted);
      const back = observed.wanted === '';
      if (back) observed.wanted = this.#older(found);
      const state = back ? { ...found, transferred: true } : found;
      observed.before = state;
      return state;
    };
    return this.recorder.take('connect', work, (state) => `${runsWhat(state)}, ${stateOf(state, observed.wanted)}`);
  }

  #older(state: DeviceState): string {
    const older = olderThanBooted(state);
    if (older !== null) return older.checksum;
    const message = `device ${this.#device.name} has no older deployment to go back to`;
    throw new LockstepError('E_DEPLOY', message, { hint: 'deploy an older commit with `--commit`' });
  }

  /** A trial that was left open ends first: what it comes to decides from where this one starts. Null: it was this one's. */
  async #settle(hold: Hold, seen: DeviceState): Promise<DeviceState | null> {
    const { observed } = this;
    const { wanted } = observed;
    observed.before = seen;
    const judging = seen.onTrial ? isBootOfTrial(seen) : includes(stateOf(seen, wanted), 'rebooted');
    if (!judging) return seen;
    this.#show.detail('waiting until its boot is judged');
    const judged = await this.recorder.take('prove', () => this.#untilJudged(hold, seen), runsWhat);
    if (seen.onTrial && seen.trial?.commit === wanted && judged.booted.checksum !== wanted) {
      // That is how this commit's trial ended: once more would be the same again.
      observed.after = judged;
      return null;
    }
    observed.before = judged;
    return judged;
  }

  async #untilJudged(hold: Hold, seen: DeviceState): Promise<DeviceState> {
    const judged = await observeJudged(hold.session, seen, this.observed.wanted, this.#limits, hold.waits).catch(
      (error) => {
        if (isCutOff(error)) return null;
        throw error;
      },
    );
    return judged === null || judged.onTrial ? hold.follow(seen.bootId, this.#waiting()) : judged;
  }

  /** From the state that the device is in to a judged boot. */
  async #change(hold: Hold, before: DeviceState): Promise<DeviceState> {
    const { observed, recorder } = this;
    const reached = stateOf(before, observed.wanted);
    if (!includes(reached, 'transferred')) {
      this.#show.detail('pulling');
      await recorder.take('pull', () => this.#pull(hold, before), String);
    }
    this.#show.detail('deploying');
    const how = includes(reached, 'deployed') ? 'it was deployed already' : `as stateroot ${before.booted.stateroot}`;
    const work = () => deployCommit(hold, before, observed.wanted, this.#limits);
    await recorder.take('deploy', work, () => how);
    this.#show.detail('rebooting');
    observed.rebooted = true;
    return this.#reboot(hold, before.bootId);
  }

  async #pull(hold: Hold, before: DeviceState): Promise<string> {
    const clock = await mendClock(hold.session, before);
    const { source, transfer } = this.#options;
    const options = { ...transfer, source, onBytes: this.#show.bytes, timeoutMs: this.#limits.pull };
    const { bytes, files, deltaFrom } = await hold.waits.during(() =>
      pullThrough(hold.session, this.observed.wanted, options),
    );
    const what = deltaFrom === null ? `${files} objects` : `a delta from ${deltaFrom.slice(0, 12)}`;
    return [`${what}, ${bytes} bytes`, ...(clock === null ? [] : [clock])].join('; ');
  }

  /** Two steps: until the device answers for the first time, and until a boot is judged. */
  async #reboot(hold: Hold, bootId: string): Promise<DeviceState> {
    const step = this.recorder.start('reboot');
    const onAnswer = () => step.next('prove', 'answers again');
    try {
      hold.waits.reboot();
      await reboot(hold.session);
      const seen = await this.#followOrCycle(hold, bootId, onAnswer);
      step.end(true, runsWhat(seen));
      return seen;
    } catch (error) {
      step.end(false, (error as Error).message);
      throw error;
    }
  }

  /** A boot that hung for good may start from a cold one: what it runs then is judged like any other boot. */
  async #followOrCycle(hold: Hold, bootId: string, onAnswer: () => void): Promise<DeviceState> {
    let waiting = this.#waiting();
    for (let left = this.#options.power ? this.#cycles() : 0; ; left -= 1) {
      try {
        return await hold.follow(bootId, waiting, onAnswer);
      } catch (error) {
        const silent = error instanceof LockstepError && error.code === 'E_SSH_UNREACHABLE';
        if (!silent || left === 0 || !(await this.#cycle())) throw error;
        waiting = { ...waiting, returnMs: Math.min(waiting.returnMs, oneBoot(this.#limits)) };
      }
    }
  }

  /** Each boot of the new deployment may hang; where they are counted, the one after the last takes the older one. */
  #cycles(): number {
    const { before } = this.observed;
    return before !== null && counterOf(before) !== null ? this.#limits.boots : 1;
  }

  /** False: it could not be done. */
  async #cycle(): Promise<boolean> {
    const { power, signal } = this.#options;
    if (!power) return false;
    this.#show.detail('cycling its power');
    const work = () => power.turn('cycle', signal);
    const cycled = await this.recorder
      .take('power cycle', work, ({ output }) => output || 'off and on')
      .catch((failure) => {
        if (failure instanceof LockstepError && failure.code === 'E_INTERRUPTED') throw failure;
        return null;
      });
    if (cycled !== null) this.powerCycled = true;
    return cycled !== null;
  }

  /** Where no boot loader counts, an unhealthy device is taken back from here; of another one the trial is over. */
  async #endTrial(hold: Hold, after: DeviceState): Promise<void> {
    if (counterOf(after) !== null || after.trial === null || after.trial.result !== null) return;
    const { observed } = this;
    const { verdict, reason } = judge(observed);
    if (verdict === 'never-rebooted') return;
    const refuge = verdict === 'unhealthy' ? refugeOf(after, observed.wanted) : null;
    if (refuge === null) return closeTrial(hold.session, after);
    observed.takenBack = reason;
    this.#show.detail('taking it back');
    const work = () => takeBack(hold, after, refuge, this.#limits);
    observed.after = await this.recorder.take('take back', work, runsWhat);
  }

  #waiting() {
    const { down, return: returnMs } = this.#limits;
    return { downMs: down, returnMs, wanted: this.observed.wanted, trial: this.#limits };
  }
}

function runsWhat(state: DeviceState): string {
  return `runs ${state.booted.checksum.slice(0, 12)}`;
}
