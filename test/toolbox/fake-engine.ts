import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A server on a socket of its own that speaks as much of the Engine API as a test gives it. */
export async function fakeEngine(answer: RequestListener): Promise<{ host: string; close(): Promise<void> }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-engine-'));
  const socket = path.join(dir, 'docker.sock');
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true });
  };
  return { host: `unix://${socket}`, close };
}

/** Sets environment variables for the time of `work`. */
export async function withEnvironment<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
