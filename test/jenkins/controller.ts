import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the fake controller behaves; each field may be changed while it runs. */
export interface Behaviour {
  /** Answers to polls of the queue item, one each: `missing` is 404, `stuck` waits for ever; after the last, the build. */
  queue: ('missing' | 'waiting' | 'stuck' | 'cancelled')[];
  /** Answers to polls of the build, likewise; after the last, the result. */
  build: ('missing' | 'building' | 'stuck' | 'restarting' | 'cut')[];
  result: string;
  log: string;
  /** Requests yet to be answered 503, as a controller does that starts. */
  restarting: number;
  crumb: 'wanted' | 'off';
  /** `user:token`; null: anonymous may do all. */
  credentials: string | null;
  job: string;
}

export interface Controller {
  url: string;
  behaviour: Behaviour;
  /** `METHOD /path` of each request that was let in. */
  requests: string[];
  /** Form parameters of each accepted trigger. */
  triggered: Record<string, string>[];
  close(): Promise<void>;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const session = 'JSESSIONID.1=abc';

/** A REST fake that answers as a Jenkins controller does, under a context path. */
export async function startController(changes: Partial<Behaviour> = {}): Promise<Controller> {
  const behaviour: Behaviour = {
    queue: [],
    build: [],
    result: 'SUCCESS',
    log: '',
    restarting: 0,
    crumb: 'off',
    credentials: null,
    job: 'images/job/gate',
    ...changes,
  };
  const requests: string[] = [];
  const triggered: Record<string, string>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answerTo(request, new URLSearchParams(Buffer.concat(chunks).toString()));
      if (answer === null) request.socket.destroy();
      else response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jenkins`;

  /** null: the connection is cut. */
  function answerTo(request: IncomingMessage, form: URLSearchParams): Answer | null {
    const path = (request.url ?? '').replace(/^\/jenkins/, '').replace(/\?.*/, '');
    if (behaviour.restarting > 0) {
      behaviour.restarting -= 1;
      return status(503);
    }
    const { credentials } = behaviour;
    if (credentials !== null && request.headers.authorization !== basic(credentials)) return status(401);
    if (path === '/crumbIssuer/api/json') return behaviour.crumb === 'off' ? status(404) : crumb();
    if (request.method === 'POST' && behaviour.crumb === 'wanted' && !hasCrumb(request)) return status(403);
    requests.push(`${request.method} ${path}`);
    return route(path, form);
  }

  function route(path: string, form: URLSearchParams): Answer | null {
    const job = `/job/${behaviour.job}`;
    switch (path) {
      case `${job}/buildWithParameters`:
        triggered.push(Object.fromEntries(form));
        return status(201, { location: `${url}/queue/item/7/` });
      case '/queue/item/7/api/json':
        return queueItem();
      case `${job}/12/api/json`:
        return build();
      case `${job}/12/logText/progressiveText`:
        return log(Number(form.get('start') ?? 0));
      case `${job}/12/stop`:
      case '/queue/item/7/cancelQueue':
        return status(302, { location: url });
      default:
        return status(404);
    }
  }

  function queueItem(): Answer {
    const next = behaviour.queue[0];
    if (next !== 'stuck') behaviour.queue.shift();
    if (next === 'missing') return status(404);
    if (next === 'waiting' || next === 'stuck') return json({ id: 7, why: 'Waiting for next available executor' });
    if (next === 'cancelled') return json({ id: 7, cancelled: true });
    const executable = { number: 12, url: `${url}/job/${behaviour.job}/12/` };
    return json({ id: 7, why: null, cancelled: false, executable });
  }

  function build(): Answer | null {
    const next = behaviour.build[0];
    if (next !== 'stuck') behaviour.build.shift();
    if (next === 'missing') return status(404);
    if (next === 'restarting') return status(503);
    if (next === 'cut') return null;
    const building = next === 'building' || next === 'stuck';
    const result = building ? null : behaviour.result;
    return json({ number: 12, url: `${url}/job/${behaviour.job}/12/`, building, result });
  }

  /** The text grows: half of it while the build runs. */
  function log(start: number): Answer {
    const end = behaviour.build.length > 0 ? Math.floor(behaviour.log.length / 2) : behaviour.log.length;
    const headers = { 'content-type': 'text/plain;charset=utf-8', 'x-text-size': String(end) };
    return { status: 200, headers, body: behaviour.log.slice(start, end) };
  }

  return {
    url,
    behaviour,
    requests,
    triggered,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function status(code: number, headers: Record<string, string> = {}): Answer {
  return { status: code, headers: { 'content-type': 'text/html', ...headers }, body: '<html></html>' };
}

function json(value: unknown, headers: Record<string, string> = {}): Answer {
  const type = { 'content-type': 'application/json;charset=utf-8' };
  return { status: 200, headers: { ...type, ...headers }, body: JSON.stringify(value) };
}

function crumb(): Answer {
  const _class = 'hudson.security.csrf.DefaultCrumbIssuer';
  const cookie = `${session}; Path=/; HttpOnly`;
  return json({ _class, crumbRequestField: 'Jenkins-Crumb', crumb: 'c0ffee' }, { 'set-cookie': cookie });
}

function hasCrumb({ headers }: IncomingMessage): boolean {
  return headers['jenkins-crumb'] === 'c0ffee' && headers.cookie === session;
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
