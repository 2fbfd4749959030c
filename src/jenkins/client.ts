import { LockstepError } from '../errors/index.ts';

export interface JenkinsOptions {
  /** Base URL of the controller, without credentials. */
  url: string;
  /** User and API token; null: anonymous. */
  credentials: { user: string; token: string } | null;
}

/** A queue item: waiting, started as a build, or taken out of the queue. */
export type QueueItem =
  | { state: 'waiting'; why: string }
  | { state: 'started'; build: number }
  | { state: 'cancelled' };

/** `result` is null while it runs: SUCCESS, UNSTABLE, FAILURE, ABORTED or NOT_BUILT afterwards. */
export interface BuildState {
  url: string;
  result: string | null;
}

/** The few calls that a refresh needs. Each throws a JenkinsFailure, and ends within half a minute. */
export interface JenkinsClient {
  /** Returns the number of the queue item. */
  trigger(job: string, parameters: Record<string, string>): Promise<number>;
  queueItem(item: number): Promise<QueueItem>;
  build(job: string, build: number): Promise<BuildState>;
  /** The build's log from byte `start` on, and where to go on from. */
  log(job: string, build: number, start: number): Promise<{ text: string; next: number }>;
  cancel(item: number): Promise<void>;
  stop(job: string, build: number): Promise<void>;
}

/** What went wrong with one request, told apart by what can be done about it. */
export class JenkinsFailure extends Error {
  /** `away`: no answer, or restarting; `missing`: 404; `refused`: 401, 403; `rejected`: anything else. */
  readonly kind: 'away' | 'missing' | 'refused' | 'rejected';
  /** Certain that the request had no effect, so that it may be sent again whatever it was. */
  readonly unsent: boolean;

  constructor(kind: JenkinsFailure['kind'], message: string, options: { unsent?: boolean; cause: unknown }) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.unsent = options.unsent ?? false;
  }
}

const requestMs = 30_000;

/** The port over the `jenkins` package, the only module that knows it. */
export async function openJenkins({ url, credentials }: JenkinsOptions): Promise<JenkinsClient> {
  const { default: Package } = await import('jenkins');
  const options: object = {
    baseUrl: checkedUrl(url),
    headers: credentials === null ? {} : { authorization: basic(credentials) },
    timeout: requestMs,
    crumbIssuer: crumb,
  };
  const client = new Package(options as ConstructorParameters<typeof Package>[0]) as unknown as JenkinsPackage;
  return {
    trigger: (job, parameters) => asked(client.job.build({ name: job, parameters })).then(queueNumber),
    queueItem: (item) => asked(client.queue.item(item)).then(queueItemOf),
    build: (job, build) => asked(client.build.get(job, build)).then(buildStateOf),
    log: async (job, number, start) => {
      const { text, size } = await asked(client.build.log({ name: job, number, start, meta: true }));
      return { text: text ?? '', next: size === undefined ? start : Number(size) };
    },
    cancel: (item) => asked(client.queue.cancel(item)),
    stop: (job, build) => asked(client.build.stop(job, build)),
  };
}

/** The package as its source has it; its published types are older. */
interface JenkinsPackage {
  job: { build(options: { name: string; parameters: Record<string, string> }): Promise<unknown> };
  queue: { item(item: number): Promise<RawQueueItem>; cancel(item: number): Promise<void> };
  build: {
    get(job: string, build: number): Promise<{ url?: string; building?: boolean; result?: string | null }>;
    log(options: object): Promise<{ text?: string; size?: string }>;
    stop(job: string, build: number): Promise<void>;
  };
  crumbIssuer: { get(): Promise<{ crumbRequestField?: string; crumb?: string; cookies?: string[] }> };
}

interface RawQueueItem {
  cancelled?: boolean;
  why?: string | null;
  executable?: { number?: number } | null;
}

/** A controller with CSRF protection wants a crumb in every POST; one without answers 404 here. */
async function crumb(client: JenkinsPackage): Promise<object> {
  try {
    const { crumbRequestField: headerName, crumb: headerValue, cookies } = await client.crumbIssuer.get();
    return { headerName, headerValue, cookies };
  } catch (error) {
    if (statusOf(error) === 404) return {};
    throw Object.assign(error as Error, { unsent: true });
  }
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new LockstepError('E_CONFIG_VALUE', `${text} is not the URL of a Jenkins controller`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new LockstepError('E_CONFIG_VALUE', `The URL of ${url.host} holds credentials`, {
      hint: 'Give them in LOCKSTEP_JENKINS_USER and LOCKSTEP_JENKINS_TOKEN.',
    });
  }
  return text.replace(/\/+$/, '');
}

function basic({ user, token }: { user: string; token: string }): string {
  return `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
}

function queueNumber(location: unknown): number {
  if (typeof location === 'number' && Number.isInteger(location)) return location;
  throw new JenkinsFailure('rejected', 'the answer names no queue item', { cause: location });
}

function queueItemOf(raw: RawQueueItem): QueueItem {
  if (raw.cancelled === true) return { state: 'cancelled' };
  const build = raw.executable?.number;
  return typeof build === 'number' ? { state: 'started', build } : { state: 'waiting', why: raw.why ?? 'queued' };
}

function buildStateOf(raw: { url?: string; building?: boolean; result?: string | null }): BuildState {
  return { url: raw.url ?? '', result: raw.building === true ? null : (raw.result ?? null) };
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw failureOf(error);
  }
}

function failureOf(error: unknown): JenkinsFailure {
  const status = statusOf(error);
  const { code, unsent, message } = error as NodeJS.ErrnoException & { unsent?: boolean };
  if (status === undefined) {
    const notFound = (error as { notFound?: boolean }).notFound === true;
    if (notFound) return new JenkinsFailure('missing', message, { cause: error });
    const neverConnected = code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN';
    return new JenkinsFailure('away', code ?? message, { unsent: unsent ?? neverConnected, cause: error });
  }
  if (status === 401 || status === 403) return new JenkinsFailure('refused', `${status}: ${message}`, { cause: error });
  if (status === 404) return new JenkinsFailure('missing', message, { cause: error });
  // A controller that starts answers 503 without looking at the request; a proxy's 502 and 504 leave that open.
  if (status >= 502 && status <= 504) {
    return new JenkinsFailure('away', `${status}`, { unsent: unsent ?? status === 503, cause: error });
  }
  return new JenkinsFailure('rejected', `${status}: ${message}`, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  return (error as { res?: { statusCode?: number } }).res?.statusCode;
}
