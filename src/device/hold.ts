import { LockstepError } from '../errors/index.ts';
import { type FollowOptions, followBoots } from './follow.ts';
import { type Lock, newOwner, type Owner, takeLock } from './lock.ts';
import type { DeviceState } from './observe.ts';
import type { Connection } from './ssh/connection.ts';
import type { Session } from './ssh/session.ts';
import { connect } from './ssh/ssh.ts';
import { Waits } from './waits.ts';

export interface HoldOptions {
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** How long to wait for who else works on the device, in milliseconds. */
  waitLockMs: number;
  onWait: (text: string) => void;
}

/** A device in the hands of one deployment: its connection and its lock, over all reboots. */
export class Hold {
  readonly owner: Owner;
  readonly waits = new Waits();
  readonly #to: Connection;
  readonly #options: HoldOptions;
  readonly #sessions: Session[] = [];
  #lock: Lock | null = null;

  constructor(to: Connection, options: HoldOptions) {
    this.#to = to;
    this.#options = options;
    this.owner = newOwner(options.environment ?? process.env);
  }

  /** The connection that lives, or the last one. */
  get session(): Session {
    const last = this.#sessions.at(-1);
    if (last === undefined) throw new Error('not connected');
    return last;
  }

  get connected(): boolean {
    return this.#sessions.at(-1)?.alive ?? false;
  }

  /** Bytes that all connections until now have carried to the device, logins included. */
  get bytesSent(): number {
    return this.#sessions.reduce((sum, { traffic }) => sum + traffic.sent, 0);
  }

  async connect(): Promise<Session> {
    const { signal, environment } = this.#options;
    const session = await connect(this.#to, { signal, environment });
    this.#sessions.push(session);
    return session;
  }

  /** Returns the device's turn before it. Throws E_DEVICE_LOCKED. */
  async lock(): Promise<string> {
    const { signal, waitLockMs, onWait } = this.#options;
    this.#lock = await takeLock(this.session, this.owner, { signal, waitMs: waitLockMs, onWait });
    return this.#lock.turn;
  }

  /** Follows the device through its reboots (followBoots), and takes connection and lock again after each. */
  async follow(
    bootId: string,
    options: Pick<FollowOptions, 'downMs' | 'returnMs' | 'wanted' | 'trial'>,
    onAnswer = () => {},
  ): Promise<DeviceState> {
    const { signal, environment, onWait } = this.#options;
    const onSession = async (session: Session) => {
      this.#sessions.push(session);
      onAnswer();
      // Who has it now took it because nobody came back in time; what the device runs is still to be judged.
      this.#lock = await takeLock(session, this.owner, { signal, waitMs: 0 }).catch((error) => {
        if (error instanceof LockstepError && error.code === 'E_DEVICE_LOCKED') return null;
        throw error;
      });
    };
    return followBoots(this.#to, bootId, { ...options, signal, environment, onWait, onSession, waits: this.waits });
  }

  /** Gives back lock and connection. */
  async end(): Promise<void> {
    if (this.connected) await this.#lock?.release();
    await this.#sessions.at(-1)?.close();
  }
}
