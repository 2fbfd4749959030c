import { setTimeout as pause } from 'node:timers/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent, interceptors, ProxyAgent } from 'undici';
import { type LockedDeb, nameOf } from '../../deb/package.ts';
import { LockstepError, redact } from '../../errors/index.ts';
import { localPath, openFile } from './local-source.ts';
import { Gone, NotServed, type Part, requestPart, type Timeouts } from './request-part.ts';

export interface FetcherOptions {
  /** Addresses where a deb may be, the likeliest first; absolute paths and file: URLs among them. */
  candidates(filename: string): readonly string[] | Promise<readonly string[]>;
  /** The proxy for an address, null for none; without this function the environment's variables decide. */
  proxy?(url: string): string | null | undefined;
  signal: AbortSignal;
  /** How many times a deb's download is taken up again; 5 by default. */
  retries?: number;
  /** The first pause before that, doubled each time; 250 by default. */
  pauseMs?: number;
  timeouts?: Partial<Timeouts>;
}

export interface FetchHow {
  /** Past all caches. */
  fresh?: boolean;
  /** Addresses that are not to be asked. */
  without?: ReadonlySet<string>;
  /** Is told of each address that bytes came from. */
  onServed?(url: string): void;
}

/** A deb on its way. */
interface Download {
  urls: readonly string[];
  /** What each address said last, where it was not the deb. */
  said: Map<string, string>;
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
  /** Servers that did not answer last time: the others are asked first. */
  readonly #silent = new Set<string>();

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
  }

  /**
   * The bytes of a deb as they arrive. A download that breaks off is taken up where it stopped, from any of the
   * addresses; whether it is the right deb is for the reader to check, who may ask for it again `fresh`, past all caches.
   * Throws E_FETCH_GONE when no address has it, E_FETCH_UNREACHABLE when the retries are used up, E_INTERRUPTED.
   */
  async *fetch(
    deb: LockedDeb,
    { fresh = false, without, onServed }: FetchHow = {},
  ): AsyncGenerator<Buffer, void, void> {
    const { signal, retries = 5, pauseMs = 250 } = this.#options;
    const urls = (await this.addresses(deb)).filter((url) => without?.has(url) !== true);
    const download: Download = { urls, said: new Map(), size: deb.size, fresh, offset: 0, validators: new Map() };
    for (let attempt = 0; ; attempt += 1) {
      let from: string | null = null;
      try {
        const { bytes, bounded, url } = await this.#firstAnswer(download);
        from = url;
        onServed?.(url);
        for await (const chunk of bytes) {
          download.offset += chunk.length;
          yield chunk;
        }
        if (bounded || download.offset >= deb.size) return;
        throw new NotServed(`${redact(url)}: the connection ended after ${download.offset} bytes`);
      } catch (error) {
        if (signal.aborted) throw new LockstepError('E_INTERRUPTED', 'interrupted', { cause: error });
        // All has come, though the connection did not end well.
        if (download.offset === deb.size) return;
        if (from !== null) download.said.set(from, (error as Error).message);
        if (error instanceof Gone) throw gone(deb, download, error);
        if (attempt >= retries) throw unreachable(deb, attempt + 1, download, error as Error);
        await pause(pauseMs * 2 ** attempt, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Where it may be, the likeliest first. */
  async addresses(deb: LockedDeb): Promise<readonly string[]> {
    return this.#options.candidates(deb.filename);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  /** The answer of the first address that has the deb. Throws Gone when none has, else why one could not be asked. */
  async #firstAnswer(download: Download): Promise<Part & { url: string }> {
    let failure: unknown = null;
    for (const url of this.#answeringFirst(download.urls)) {
      try {
        const part = await this.#ask(url, download);
        this.#silent.delete(originOf(url));
        return { ...part, url };
      } catch (error) {
        download.said.set(url, (error as Error).message);
        if (error instanceof NotServed && error.silent) this.#silent.add(originOf(url));
        if (failure === null || failure instanceof Gone) failure = error;
      }
    }
    throw failure ?? new NotServed('no address is known for it');
  }

  /** A server that is down would otherwise cost each deb the wait for it. */
  #answeringFirst(urls: readonly string[]): string[] {
    const isSilent = (url: string) => this.#silent.has(originOf(url));
    return [...urls.filter((url) => !isSilent(url)), ...urls.filter(isSilent)];
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

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

function gone(deb: LockedDeb, { said }: Download, cause: Gone): LockstepError {
  return new LockstepError('E_FETCH_GONE', `${nameOf(deb)} is no longer there: ${eachSaid(said)}`, {
    hint: 'name an archive that has it with `archives:` in the image, or pin what there is now with `lockstep update`',
    cause,
  });
}

function unreachable(deb: LockedDeb, attempts: number, { said, offset }: Download, cause: Error): LockstepError {
  const why = said.size === 0 ? cause.message : eachSaid(said);
  const where = offset > 0 ? `, the last time after ${offset} of ${deb.size} bytes` : '';
  const message = `${nameOf(deb)} could not be downloaded in ${attempts} attempts${where}: ${why}`;
  return new LockstepError('E_FETCH_UNREACHABLE', message, {
    hint: 'check the network, the proxy and the mirror; what was imported stays',
    cause,
  });
}

/** Each address that was asked stands in what it said. */
function eachSaid(said: ReadonlyMap<string, string>): string {
  return [...new Set(said.values())].join('; ');
}
