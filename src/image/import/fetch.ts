import { setTimeout as pause } from 'node:timers/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent, interceptors, ProxyAgent } from 'undici';
import { type LockedDeb, nameOf } from '../../deb/package.ts';
import { LockstepError } from '../../errors/index.ts';
import { localPath, openFile } from './local-source.ts';
import { Gone, NotServed, type Part, requestPart, type Timeouts } from './request-part.ts';

export interface FetcherOptions {
  /** Addresses where a deb may be, the likeliest first; absolute paths and file: URLs among them. */
  candidates(filename: string): string[];
  /** The proxy for an address, null for none; without this function the environment's variables decide. */
  proxy?(url: string): string | null;
  signal: AbortSignal;
  /** How many times a deb's download is taken up again; 5 by default. */
  retries?: number;
  /** The first pause before that, doubled each time; 250 by default. */
  pauseMs?: number;
  timeouts?: Partial<Timeouts>;
}

/** A deb on its way. */
interface Download {
  urls: readonly string[];
  size: number;
  fresh: boolean;
  /** Bytes that have come. */
  offset: number;
  /** Of the file at each address, as it was first seen. */
  validators: Map<string, string | null>;
}

const defaultTimeouts: Timeouts = { connectMs: 10_000, stallMs: 20_000 };

/** Downloads debs over connections that stay open. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #timeouts: Timeouts;
  readonly #agents = new Map<string | null | undefined, Dispatcher>();

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
  }

  /**
   * The bytes of a deb as they arrive. A download that breaks off is taken up where it stopped, from any of the
   * addresses; whether it is the right deb is for the reader to check, who may ask for it again `fresh`, past all caches.
   * Throws E_FETCH_GONE when no address has it, E_FETCH_UNREACHABLE when the retries are used up, E_INTERRUPTED.
   */
  async *fetch(deb: LockedDeb, { fresh = false } = {}): AsyncGenerator<Buffer, void, void> {
    const { candidates, signal, retries = 5, pauseMs = 250 } = this.#options;
    const download: Download = {
      urls: candidates(deb.filename),
      size: deb.size,
      fresh,
      offset: 0,
      validators: new Map(),
    };
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { bytes, bounded } = await this.#firstAnswer(download);
        for await (const chunk of bytes) {
          download.offset += chunk.length;
          yield chunk;
        }
        if (bounded || download.offset >= deb.size) return;
        throw new NotServed(`the connection ended after ${download.offset} bytes`);
      } catch (error) {
        if (signal.aborted) throw new LockstepError('E_INTERRUPTED', 'interrupted', { cause: error });
        // All has come, though the connection did not end well.
        if (download.offset === deb.size) return;
        if (error instanceof Gone) throw gone(deb, download.urls, error);
        if (attempt >= retries) throw unreachable(deb, attempt + 1, download.offset, error);
        await pause(pauseMs * 2 ** attempt, undefined, { signal }).catch(() => {});
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  /** The answer of the first address that has the deb. Throws Gone when none has, else why one could not be asked. */
  async #firstAnswer(download: Download): Promise<Part> {
    let failure: unknown = null;
    for (const url of download.urls) {
      try {
        return await this.#ask(url, download);
      } catch (error) {
        if (failure === null || failure instanceof Gone) failure = error;
      }
    }
    throw failure ?? new NotServed('no address is known for it');
  }

  async #ask(url: string, { offset, size, fresh, validators }: Download): Promise<Part> {
    const file = localPath(url);
    if (file !== null) return await openFile(file, offset);
    const validator = validators.get(url) ?? null;
    const how = { dispatcher: this.#agentFor(url), signal: this.#options.signal, timeouts: this.#timeouts };
    const part = await requestPart(url, { offset, validator, fresh, size, ...how });
    validators.set(url, part.validator);
    return part;
  }

  #agentFor(url: string): Dispatcher {
    const proxy = this.#options.proxy?.(url);
    const known = this.#agents.get(proxy);
    if (known !== undefined) return known;
    const following = interceptors.redirect({ maxRedirections: 5 });
    const agent = agentThrough(proxy, this.#timeouts).compose(following);
    this.#agents.set(proxy, agent);
    return agent;
  }
}

/** Connections by way of a proxy, by none (null), or by what the environment says (undefined). */
function agentThrough(proxy: string | null | undefined, timeouts: Timeouts): Dispatcher {
  const connect = { timeout: timeouts.connectMs };
  if (proxy === null) return new Agent({ connect });
  // Package proxies cache plain requests, and seldom allow tunnels to port 80.
  const options = { connect, proxyTls: connect, requestTls: connect, proxyTunnel: false };
  return proxy === undefined ? new EnvHttpProxyAgent(options) : new ProxyAgent({ ...options, uri: proxy });
}

function gone(deb: LockedDeb, urls: readonly string[], cause: Gone): LockstepError {
  return new LockstepError('E_FETCH_GONE', `${nameOf(deb)} is no longer at ${urls.join(' or ')}: ${cause.message}`, {
    hint: 'run `lockstep update` to pin what the archive has now',
    cause,
  });
}

function unreachable(deb: LockedDeb, attempts: number, offset: number, cause: unknown): LockstepError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const where = offset > 0 ? `, the last time after ${offset} of ${deb.size} bytes` : '';
  const message = `${nameOf(deb)} could not be downloaded in ${attempts} attempts${where}: ${why}`;
  return new LockstepError('E_FETCH_UNREACHABLE', message, {
    hint: 'check the network, the proxy and the mirror; what was imported stays',
    cause,
  });
}
