import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { CommitWorker } from '../../src/ostree/commit-worker.ts';
import { workerScript } from '../../src/ostree/worker-script.ts';
import type { ToolProcess } from '../../src/toolbox/toolbox.ts';

const checksum = 'c'.repeat(64);

/** In place of ostree: keeps its stdin in a file, whose name gets `.whole` when the end came. */
function keeper(file: string): string[] {
  return ['sh', '-c', `cat > "$0" && mv "$0" "$0.whole" && echo ${checksum}`, file];
}

function startWorker(): { worker: CommitWorker; process: ToolProcess } {
  const child = spawn('perl', ['-e', workerScript], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = new Promise<{ exitCode: number; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ exitCode: code ?? 137, stderr })),
  );
  const process = { stdin: child.stdin, stdout: child.stdout, exited, kill: () => void child.kill('SIGKILL') };
  return { worker: new CommitWorker(process), process };
}

describe('CommitWorker', () => {
  let dir: string;
  let worker: CommitWorker;
  let perl: ToolProcess;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-worker-'));
    ({ worker, process: perl } = startWorker());
  });

  afterEach(async () => {
    perl.kill();
    await perl.exited;
    await rm(dir, { recursive: true, force: true });
  });

  const at = (name: string) => path.join(dir, name);
  const errorOf = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('expected an error'),
      (error: Error & { code?: string }) => error,
    );

  /** Waits until a file has so many bytes: the command has read all that it was given. */
  async function settled(name: string, length: number): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const content = await readFile(at(name)).catch(() => Buffer.alloc(0));
      if (content.length === length) return;
      await pause(10);
    }
    expect.fail(`${name} has not got ${length} bytes`);
  }

  it('hands a stream to the command byte for byte, and answers with the checksum that it prints', async () => {
    const bytes = randomBytes(3_000_001);
    const stream = worker.begin(keeper(at('a')));
    for (let start = 0; start < bytes.length; start += 70_000)
      await stream.write(bytes.subarray(start, start + 70_000));
    expect(await stream.end()).to.equal(checksum);
    const got = await readFile(at('a.whole'));
    expect(createHash('sha256').update(got).digest('hex')).to.equal(createHash('sha256').update(bytes).digest('hex'));
  });

  it('runs one stream after the other, and several at once', async () => {
    for (const name of ['a', 'b']) await worker.begin(keeper(at(name))).end(Buffer.from(name));
    const [c, d] = [worker.begin(keeper(at('c'))), worker.begin(keeper(at('d')))];
    await c.write(Buffer.from('c1'));
    await d.write(Buffer.from('d1'));
    await c.write(Buffer.from('c2'));
    await d.end();
    await c.end();
    const contents = await Promise.all(['a', 'b', 'c', 'd'].map((name) => readFile(at(`${name}.whole`), 'utf8')));
    expect(contents).to.deep.equal(['a', 'b', 'c1c2', 'd1']);
  });

  it('holds the last byte back until the end is said', async () => {
    const stream = worker.begin(keeper(at('a')));
    await stream.write(Buffer.from('12345'));
    await settled('a', 4);
    await stream.end();
    expect(await readFile(at('a.whole'), 'utf8')).to.equal('12345');
  });

  it('kills the command of a dropped stream, and goes on', async () => {
    const stream = worker.begin(keeper(at('a')));
    await stream.write(Buffer.from('12345'));
    await settled('a', 4);
    await stream.drop();
    expect(await worker.begin(keeper(at('b'))).end(Buffer.from('x'))).to.equal(checksum);
    expect(await readdir(dir)).to.have.members(['a', 'b.whole']);
  });

  it('kills the command when its own input ends in the middle of a stream', async () => {
    const stream = worker.begin(keeper(at('a')));
    await stream.write(Buffer.from('12345'));
    await settled('a', 4);
    await worker.close();
    await pause(50);
    expect(await readdir(dir)).to.deep.equal(['a']);
    expect(await errorOf(stream.end())).to.include({ code: 'E_TOOL_FAILED' });
  });

  it('never lets the command see the last byte when it dies itself', async () => {
    const stream = worker.begin(keeper(at('a')));
    await stream.write(Buffer.from('12345'));
    await settled('a', 4);
    perl.kill();
    await perl.exited;
    await settled('a.whole', 4);
    expect(await readFile(at('a.whole'), 'utf8')).to.equal('1234');
    expect(await errorOf(stream.end())).to.include({ code: 'E_TOOL_FAILED' });
  });

  it('reports how a command failed, with what it printed', async () => {
    const stream = worker.begin(['sh', '-c', 'cat > /dev/null; echo "error: no such thing" >&2; exit 3']);
    const error = await errorOf(stream.end(Buffer.from('x')));
    expect(error.code).to.equal('E_TOOL_FAILED');
    expect(error.message).to.contain('exit code 3').and.to.contain('error: no such thing');
  });

  it('calls a full disk by its name', async () => {
    const argv = ['sh', '-c', 'cat > /dev/null; echo "error: Writing: No space left on device" >&2; exit 1'];
    expect(await errorOf(worker.begin(argv).end(Buffer.from('x')))).to.include({ code: 'E_DISK_FULL' });
  });

  it('reports a command that ends early while the stream still comes, and goes on', async () => {
    const stream = worker.begin(['sh', '-c', 'echo "error: full" >&2; exit 1']);
    const feed = async () => {
      for (let count = 0; count < 1000; count += 1) await stream.write(Buffer.alloc(65_536));
      await stream.end();
    };
    expect((await errorOf(feed())).message).to.contain('error: full');
    expect(await worker.begin(keeper(at('b'))).end(Buffer.from('x'))).to.equal(checksum);
  });

  it('reports a program that is not there', async () => {
    const error = await errorOf(worker.begin(['/no/such/program']).end(Buffer.from('x')));
    expect(error.message).to.contain('/no/such/program').and.to.contain('No such file');
  });

  it('takes success without a checksum for a failure', async () => {
    expect(await errorOf(worker.begin(['cat']).end(Buffer.from('hello')))).to.include({ code: 'E_TOOL_FAILED' });
  });
});
