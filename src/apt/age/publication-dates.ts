import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { Agent, type Dispatcher, interceptors, ProxyAgent, request } from 'undici';
import { LockstepError } from '../../errors/index.ts';
import { withoutCredentials } from '../../ostree/http-credentials.ts';
import type { ChosenDeb } from '../archive/index-stanzas.ts';
import type { FirstSeen } from './first-seen.ts';

export interface DateOptions {
  /** The proxy that apt would use for an address; null when none. */
  proxy(url: string): string | null;
  /** For debs of which the mirror tells no date. */
  firstSeen: FirstSeen;
  signal: AbortSignal;
  /** Bound on each question; 10 s by default. */
  timeoutMs?: number;
}

/** Since when a deb has been in its archive. */
export interface PublicationDate {
  date: Date;
  /** Whether the mirror tells it; else it is when this project first saw the deb there. */
  told: boolean;
}

/** Questions on their way at a time. */
const atOnce = 8;

/**
 * Since when each deb has been in its archive, by sha256: an archive's indexes tell no dates, but mirrors keep those of
 * the files, which an HTTP server tells as Last-Modified. Throws E_INTERRUPTED.
 */
export async function publicationDates(
  debs: readonly ChosenDeb[],
  options: DateOptions,
): Promise<Map<string, PublicationDate>> {
  const agents = new Agents();
  const limit = pLimit(atOnce);
  try {
    const told = await Promise.all(debs.map((deb) => limit(() => dateOf(deb.url, agents, options))));
    const pairs = debs.map(({ sha256 }, index) => [sha256, told[index] ?? null] as const);
    const unknown = pairs.filter(([, date]) => date === null).map(([sha256]) => sha256);
    const seen = await options.firstSeen.of(unknown);
    return new Map(
      pairs.map(([sha256, date]) => [sha256, { date: date ?? seen.get(sha256)!, told: date !== null }] as const),
    );
  } finally {
    await agents.close();
  }
}

/** null: nobody tells. A mirror that fails here fails again when the deb is fetched, and is reported then. */
async function dateOf(url: string, agents: Agents, options: DateOptions): Promise<Date | null> {
  const { signal, proxy, timeoutMs = 10_000 } = options;
  try {
    if (url.startsWith('file:')) return (await stat(fileURLToPath(url))).mtime;
    if (!/^https?:/.test(url)) return null;
    const { address, authorization } = withoutCredentials(url);
    const { statusCode, headers, body } = await request(address, {
      method: 'HEAD',
      dispatcher: agents.through(proxy(url)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: { 'user-agent': 'lockstep', ...authorization },
    });
    await body.dump();
    return statusCode === 200 ? parsed(headers['last-modified']) : null;
  } catch (error) {
    if (signal.aborted) throw new LockstepError('E_INTERRUPTED', 'interrupted', { cause: error });
    return null;
  }
}

function parsed(header: string | string[] | undefined): Date | null {
  const date = new Date(String(header));
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Connections by way of each proxy, or of none. */
class Agents {
  readonly #known = new Map<string | null, Dispatcher>();

  through(proxy: string | null): Dispatcher {
    const known = this.#known.get(proxy);
    if (known !== undefined) return known;
    // Package proxies answer plain requests, and seldom allow tunnels to port 80.
    const direct = proxy === null ? new Agent() : new ProxyAgent({ uri: proxy, proxyTunnel: false });
    const agent = direct.compose(interceptors.redirect({ maxRedirections: 5 }));
    this.#known.set(proxy, agent);
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map((agent) => agent.destroy()));
  }
}
