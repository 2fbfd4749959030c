import { readFileSync } from 'node:fs';
import { workspaceOf } from '../../src/config/workspace.ts';
import { pullThrough } from '../../src/device/push/push.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import { silent } from '../../src/progress/progress.ts';
import { openToolbox } from '../../src/toolbox/choose.ts';

/** A process of its own that pushes, so that its memory and what it reads are its own. Argument and output: JSON. */
export interface PushTask {
  root: string;
  commit: string;
  connection: Parameters<typeof connect>[0];
  /** The devices' directories with `repo`. */
  devices: string[];
}

export interface PushFigures {
  seconds: number;
  /** Bytes of the SSH connections, both ways. */
  wire: number;
  /** Peak of resident memory, in bytes. */
  memory: number;
  /** Bytes that this process and the reader of objects read from files, and from the disk. */
  read: number;
  readFromDisk: number;
}

async function main({ root, commit, connection, devices }: PushTask): Promise<PushFigures> {
  const { signal } = new AbortController();
  const workspace = workspaceOf(root);
  const toolbox = await openToolbox('host', { workspace, root, signal, progress: silent });
  const source = new CommitSource(async () => toolbox, workspace);
  const started = performance.now();
  const wires = await Promise.all(
    devices.map(async (ostree) => {
      const session = await connect(connection, { signal });
      await pullThrough(session, commit, { source, ostree });
      await session.close();
      return session.traffic.sent + session.traffic.received;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await source.close();
  await toolbox.close();
  const io = readFileSync('/proc/self/io', 'utf8');
  const figure = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1]);
  const memory = process.resourceUsage().maxRSS * 1024;
  const wire = wires.reduce((sum, each) => sum + each, 0);
  return { seconds, wire, memory, read: figure('rchar'), readFromDisk: figure('read_bytes') };
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? ''))));
