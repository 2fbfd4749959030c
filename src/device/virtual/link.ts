import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a link is. */
export interface LinkQuality {
  /** In each direction of each connection; null: as fast as it goes. */
  bytesPerSecond: number | null;
  /** Milliseconds that each piece is under way, in each direction. */
  latencyMs: number;
}

/** How a link breaks: `reset` tells both ends, as a router that restarts; `silent` tells nobody, as a pulled cable. */
export type Break = 'reset' | 'silent';

const whole: LinkQuality = { bytesPerSecond: null, latencyMs: 0 };

/**
 * A network link to a device, as bad as wanted: a loopback port of this process that leads to another port. Bytes towards
 * the device are counted from the moment that the link was opened, over all connections.
 */
export class Link {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #target: () => number;
  #quality = whole;
  #broken: Break | null = null;
  #sent = 0;
  #breakAt: { bytes: number; how: Break } | null = null;
  #onBreak: (() => void) | null = null;
  #garbleAt: number | null = null;

  private constructor(server: Server, port: number, target: () => number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** Opens a link to a loopback port, asked for anew at each connection. */
  static async open(target: () => number): Promise<Link> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    return new Link(server, typeof address === 'object' && address !== null ? address.port : 0, target);
  }

  /** Bytes that went towards the device. */
  get sent(): number {
    return this.#sent;
  }

  set quality(quality: Partial<LinkQuality>) {
    this.#quality = { ...whole, ...quality };
  }

  /** Breaks the link now: what is connected ends as `how` says, and new connections get nowhere. */
  break(how: Break): void {
    this.#broken = how;
    this.#breakAt = null;
    for (const pair of this.#pairs) {
      if (how === 'reset') pair.end();
      else pair.hold();
    }
    this.#onBreak?.();
    this.#onBreak = null;
  }

  /** Breaks the link once so many bytes more have gone towards the device; the promise resolves then. */
  breakAfter(bytes: number, how: Break): Promise<void> {
    this.#breakAt = { bytes: this.#sent + bytes, how };
    return new Promise((resolve) => {
      this.#onBreak = resolve;
    });
  }

  /** Changes one bit, once so many bytes more have gone towards the device. */
  garbleAfter(bytes: number): void {
    this.#garbleAt = this.#sent + bytes;
  }

  /** Makes a broken link whole for new connections; those of before stay broken. */
  mend(): void {
    this.#broken = null;
    this.#breakAt = null;
    this.#garbleAt = null;
    for (const pair of this.#pairs) pair.end();
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) pair.end();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#broken === 'reset') {
      near.resetAndDestroy();
      return;
    }
    const far = dial({ host: '127.0.0.1', port: this.#target(), allowHalfOpen: true });
    const pair = new Pair(near, far, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
    if (this.#broken === 'silent') pair.hold();
    pair.carry(
      near,
      far,
      (chunk) => this.#towardsDevice(chunk),
      () => this.#quality,
    );
    pair.carry(
      far,
      near,
      (chunk) => chunk,
      () => this.#quality,
    );
  }

  /** What of a piece still gets through; the rest is lost with the link. */
  #towardsDevice(chunk: Buffer): Buffer {
    const garble = this.#garbleAt === null ? -1 : this.#garbleAt - this.#sent;
    if (garble >= 0 && garble < chunk.length) {
      chunk[garble] = (chunk[garble] ?? 0) ^ 1;
      this.#garbleAt = null;
    }
    const at = this.#breakAt;
    if (at === null || this.#sent + chunk.length < at.bytes) {
      this.#sent += chunk.length;
      return chunk;
    }
    const through = chunk.subarray(0, at.bytes - this.#sent);
    this.#sent = at.bytes;
    // After the last piece was handed on.
    setImmediate(() => this.break(at.how));
    return through;
  }
}

/** One connection through the link. */
class Pair {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #gone: () => void;
  #held = false;
  #ended = false;

  constructor(near: Socket, far: Socket, gone: () => void) {
    this.#near = near;
    this.#far = far;
    this.#gone = gone;
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.end());
      socket.on('close', () => {
        // A cable that was pulled says nothing of either end.
        if (!this.#held && near.destroyed && far.destroyed) this.end();
      });
    }
  }

  /** Nothing goes through any more, and nobody is told. */
  hold(): void {
    this.#held = true;
    this.#near.pause();
    this.#far.pause();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const socket of [this.#near, this.#far]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
    this.#gone();
  }

  carry(from: Socket, to: Socket, through: (chunk: Buffer) => Buffer, quality: () => LinkQuality): void {
    from.on('data', (piece: Buffer) => {
      from.pause();
      void this.#handOn(through(piece), to, quality()).then(() => {
        if (!this.#held) from.resume();
      });
    });
    from.on('end', () => {
      if (!this.#held) setTimeout(() => to.end(), quality().latencyMs);
    });
  }

  async #handOn(chunk: Buffer, to: Socket, { bytesPerSecond, latencyMs }: LinkQuality): Promise<void> {
    if (bytesPerSecond !== null) await sleep((chunk.length / bytesPerSecond) * 1000);
    if (latencyMs > 0) setTimeout(() => this.#write(chunk, to), latencyMs);
    else if (!this.#write(chunk, to)) await once(to, 'drain').catch(() => {});
  }

  /** Whether there is room for more. */
  #write(chunk: Buffer, to: Socket): boolean {
    return this.#held || to.destroyed || to.writableEnded || to.write(chunk);
  }
}
