import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { assertRuns } from '../../src/toolbox/binfmt.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { temporaryDirectory } from './projects.ts';
import { containersOf, eventually, kinds, openFor, processesWith } from './toolboxes.ts';

const MiB = 1024 * 1024;

/** An unusual number of seconds to sleep, by which a process is found again. */
const unusual = () => String(100_000 + Math.floor(Math.random() * 800_000));

const thrownBy = (work: Promise<unknown>) => work.then(() => undefined).catch((error) => error);

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

function* endlessly() {
  for (;;) yield Buffer.alloc(MiB);
}

for (const kind of kinds) {
  describe(`the ${kind} toolbox`, function () {
    this.timeout(120_000);
    let root: string;
    let work: string;
    let toolbox: Toolbox;

    before(async function () {
      // The first one makes the builder image.
      this.timeout(15 * 60_000);
      root = await temporaryDirectory(`toolbox-${kind}`);
      work = workspaceOf(root).work;
      await writeFile(path.join(root, 'given'), 'given');
      toolbox = await openFor(root, kind);
      await mkdir(work, { recursive: true });
    });

    after(() => toolbox?.close());

    describe('runs a command', () => {
      it('as root, in C.UTF-8, with umask 022, whatever that of the agent is', async () => {
        const own = process.umask(0o077);
        const running = toolbox.run(['sh', '-c', 'id -u; umask; echo $LANG; locale charmap']);
        const { stdout } = await running.finally(() => process.umask(own));
        expect(stdout.trim().split('\n')).to.deep.equal(['0', '0022', 'C.UTF-8', 'UTF-8']);
      });

      it('in the directory and with the environment given', async () => {
        const argv = ['sh', '-c', 'pwd; echo $GIVEN'];
        const { stdout } = await toolbox.run(argv, { cwd: root, env: { GIVEN: 'a b' } });
        expect(stdout).to.equal(`${root}\na b\n`);
      });

      it('and parts stdout from stderr', async () => {
        const lines: string[] = [];
        const argv = ['sh', '-c', 'echo out; sleep 0.1; echo err >&2'];
        const { stdout, stderr } = await toolbox.run(argv, { onLine: (line) => lines.push(line) });
        expect({ stdout, stderr, lines }).to.deep.equal({ stdout: 'out\n', stderr: 'err\n', lines: ['out', 'err'] });
      });

      it('and reports how it failed, with its last words', async () => {
        const error = await thrownBy(toolbox.run(['sh', '-c', 'echo what went wrong >&2; exit 3']));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.equal('sh ended with exit code 3:\nwhat went wrong');
      });

      it('and takes an exit code for an answer when told so, but never a signal', async () => {
        const { exitCode } = await toolbox.run(['sh', '-c', 'exit 3'], { answers: [1, 3] });
        expect(exitCode).to.equal(3);
        for (const end of ['exit 2', 'kill -KILL $$'])
          expect((await thrownBy(toolbox.run(['sh', '-c', end], { answers: [1, 3] }))).code).to.equal('E_TOOL_FAILED');
      });

      it('and returns the exit code when told not to check it', async () => {
        const { exitCode } = await toolbox.run(['sh', '-c', 'exit 3'], { check: false });
        expect(exitCode).to.equal(3);
      });

      it('and reports a program that is not there', async () => {
        const error = await thrownBy(toolbox.run(['no-such-program']));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.contain('no-such-program');
      });

      it('and tells a full disk from any other failure', async () => {
        const script = 'mount -t tmpfs -o size=64k none "$1" && head -c 1000000 /dev/zero >"$1/file"';
        const error = await thrownBy(toolbox.run(['sh', '-ec', script, 'sh', work], { isolate: true }));
        expect(error.code).to.equal('E_DISK_FULL');
      });

      it('and ends it when its time is up', async () => {
        const seconds = unusual();
        const started = Date.now();
        const error = await thrownBy(toolbox.run(['sh', '-c', `sleep ${seconds}; true`], { timeoutMs: 500 }));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.contain('did not end within');
        expect(Date.now() - started).to.be.lessThan(10_000);
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
      });

      it('many times at once', async () => {
        const results = await Promise.all(
          Array.from({ length: 8 }, (_, index) => toolbox.run(['sh', '-c', `sleep 0.1; echo ${index}`])),
        );
        expect(results.map(({ stdout }) => stdout.trim())).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
      });
    });

    describe('streams', () => {
      it('50 MiB into a command, unharmed', async () => {
        const sent = createHash('sha256');
        async function* source() {
          for (let i = 0; i < 50; i++) {
            const chunk = randomBytes(MiB);
            sent.update(chunk);
            yield chunk;
          }
        }
        const { stdout } = await toolbox.run(['sha256sum'], { input: Readable.from(source(), { objectMode: false }) });
        expect(stdout.slice(0, 64)).to.equal(sent.digest('hex'));
      });

      it('50 MiB out of a command, unharmed', async () => {
        const script = 'openssl rand -out "$1" 52428800 && sha256sum "$1" >&2 && cat "$1" && rm "$1"';
        const process = await toolbox.open(['sh', '-ec', script, 'sh', path.join(work, 'random')]);
        process.stdin.end();
        const received = createHash('sha256');
        for await (const chunk of process.stdout) received.update(chunk as Buffer);
        const { exitCode, stderr } = await process.exited;
        expect(exitCode).to.equal(0);
        expect(received.digest('hex')).to.equal(stderr.slice(0, 64));
      });

      it('no more out of a command than is read', async () => {
        const marker = path.join(work, 'ran-ahead');
        const process = await toolbox.open(['sh', '-c', 'head -c 33554432 /dev/zero; touch "$1"', 'sh', marker]);
        process.stdin.end();
        await sleep(700);
        expect(await exists(marker), 'the command wrote 32 MiB to nobody').to.equal(false);
        let bytes = 0;
        for await (const chunk of process.stdout) bytes += (chunk as Buffer).length;
        await process.exited;
        expect(bytes).to.equal(32 * MiB);
        expect(await exists(marker)).to.equal(true);
      });

      it('into a command that answers while it reads', async () => {
        const process = await toolbox.open(['cat']);
        const answers: string[] = [];
        process.stdout.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
        for (const word of ['one', 'two', 'three']) {
          process.stdin.write(word);
          expect(await eventually(async () => answers.at(-1) === word), word).to.equal(true);
        }
        process.stdin.end();
        expect((await process.exited).exitCode).to.equal(0);
      });

      it('into a command that does not read, which is judged by its exit code', async () => {
        const input = Readable.from([Buffer.alloc(8 * MiB)], { objectMode: false });
        expect((await toolbox.run(['true'], { input })).exitCode).to.equal(0);
        const endless = Readable.from(endlessly(), { objectMode: false });
        expect((await toolbox.run(['head', '-c', '1'], { input: endless })).exitCode).to.equal(0);
        expect((await toolbox.run(['false'], { input: Buffer.alloc(8 * MiB), check: false })).exitCode).to.equal(1);
      });

      it('nothing into a command that was given no input', async () => {
        expect((await toolbox.run(['cat'], { timeoutMs: 10_000 })).stdout).to.equal('');
      });

      it('so that a source that broke off does not look like its end', async () => {
        const marker = path.join(work, 'taken-for-the-end');
        async function* source() {
          yield Buffer.alloc(MiB);
          throw new Error('the source broke off');
        }
        const input = Readable.from(source(), { objectMode: false });
        const error = await thrownBy(toolbox.run(['sh', '-c', 'cat >/dev/null; touch "$1"', 'sh', marker], { input }));
        expect(error.message).to.equal('the source broke off');
        await sleep(300);
        expect(await exists(marker)).to.equal(false);
      });

      it('so that a source that just ceased does not look like its end either', async () => {
        const marker = path.join(work, 'taken-for-the-end');
        const input = new Readable({ read() {} });
        input.push(Buffer.alloc(MiB));
        setTimeout(() => input.destroy(), 200);
        const error = await thrownBy(toolbox.run(['sh', '-c', 'cat >/dev/null; touch "$1"', 'sh', marker], { input }));
        expect(error).to.be.instanceOf(Error);
        await sleep(300);
        expect(await exists(marker)).to.equal(false);
      });

      it('until it is told to kill the command', async () => {
        const seconds = unusual();
        const process = await toolbox.open(['sh', '-c', `sleep ${seconds}; true`]);
        process.kill();
        expect((await process.exited).exitCode).to.equal(137);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });
    });

    describe('sees the project', () => {
      it('under the path that it has here', async () => {
        expect((await toolbox.run(['cat', path.join(root, 'given')])).stdout).to.equal('given');
      });

      it('and writes under .lockstep what is then here, as root’s', async () => {
        const file = path.join(work, 'written');
        await toolbox.run(['sh', '-c', 'echo written >"$1"; chmod 4711 "$1"', 'sh', file]);
        expect(await readFile(file, 'utf8')).to.equal('written\n');
        const { mode, uid } = await stat(file);
        expect({ mode: mode & 0o7777, uid }).to.deep.equal({ mode: 0o4711, uid: 0 });
      });

      it('as one file system, in which hard links and overlays work', async () => {
        const script = `cd "$1"; mkdir lower upper scratch merged; echo low >lower/file; ln lower/file link
          mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=scratch merged
          echo high >merged/file; cat link upper/file`;
        const { stdout } = await toolbox.run(['sh', '-euc', script, 'sh', work], { isolate: true });
        expect(stdout).to.equal('low\nhigh\n');
      });

      it('and can make devices, owners and capabilities there, as an image needs', async () => {
        const script = `cd "$1"; mknod null c 1 3; touch owned; chown 12:34 owned; chmod 2755 owned
          stat -c '%F %u:%g %a' null owned; chroot / true`;
        const { stdout } = await toolbox.run(['sh', '-euc', script, 'sh', work]);
        expect(stdout).to.contain('character special file 0:0').and.to.contain('regular empty file 12:34 2755');
      });
    });

    describe('isolates a command', () => {
      it('so that its mounts and its children go with it', async () => {
        const seconds = unusual();
        const script = 'mount -t tmpfs leaky "$1"; grep -c ^leaky /proc/mounts; setsid sleep "$2" & exec true';
        await toolbox.run(['sh', '-euc', script, 'sh', work, seconds], { isolate: true, timeoutMs: 20_000 });
        expect((await toolbox.run(['cat', '/proc/mounts'])).stdout).not.to.contain('leaky');
        expect(await readFile('/proc/mounts', 'utf8')).not.to.contain('leaky');
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
      });

      it('so that it sees its own processes only', async () => {
        const { stdout } = await toolbox.run(['sh', '-c', 'echo $$; ls -d /proc/[0-9]* | head -1'], { isolate: true });
        expect(stdout).to.equal('1\n/proc/1\n');
      });
    });

    it('runs armhf programs', () => assertRuns(toolbox, 'armhf'));

    describe('ends', () => {
      it('all that runs in it when the signal fires, and says that it was interrupted', async () => {
        const stop = new AbortController();
        const own = await openFor(root, kind, stop.signal);
        const seconds = unusual();
        const mounted = ['sh', '-c', `mount -t tmpfs none "${work}"; sleep ${seconds}`];
        const running = [thrownBy(own.run(mounted, { isolate: true })), thrownBy(own.run(['sleep', seconds]))];
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length > 1)).to.equal(true);
        const fired = Date.now();
        stop.abort();
        for (const error of await Promise.all(running)) expect(error.code).to.equal('E_INTERRUPTED');
        expect(Date.now() - fired).to.be.lessThan(5_000);
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
        expect((await thrownBy(own.run(['true']))).code).to.equal('E_INTERRUPTED');
        await own.close();
      });

      it('all that runs in it when it is closed, and can be closed twice', async () => {
        const own = await openFor(root, kind);
        const seconds = unusual();
        const { exited } = await own.open(['sleep', seconds]);
        expect(await eventually(async () => (await processesWith(`^sleep ${seconds}`)).length === 1)).to.equal(true);
        await own.close();
        await own.close();
        expect((await exited).exitCode).to.equal(137);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });

      it('with a process that was killed, and leaves no process, mount or container', async () => {
        const before = (await containersOf(root)).length;
        const mark = unusual();
        const script = path.join(import.meta.dirname, 'hold-toolbox.ts');
        const holder = execa('node', ['--import', 'tsx', script, root, kind, mark], { reject: false });
        const held = () => Promise.all([1, 2, 3].map((number) => processesWith(`^sleep ${mark}${number}`)));
        expect(await eventually(async () => (await held()).every((found) => found.length === 1), 30_000)).to.equal(
          true,
        );
        holder.kill('SIGKILL');
        await holder;
        const left = async () => (await held()).flat();
        expect(await eventually(async () => (await left()).length === 0), String(await left())).to.equal(true);
        expect(await readFile('/proc/mounts', 'utf8')).not.to.contain(mark);
        expect(await eventually(async () => (await containersOf(root)).length === before)).to.equal(true);
      });
    });

    describe('keeps a daemon', () => {
      const name = `lockstep-test-${kind}-${randomBytes(4).toString('hex')}`;
      const seconds = unusual();

      after(() => toolbox?.stopDaemon(name, { kill: true }));

      it('running after the toolbox that started it has closed, with its output in the log', async () => {
        const log = path.join(work, 'daemon.log');
        await writeFile(log, 'earlier\n');
        const first = await openFor(root, kind);
        const argv = ['sh', '-c', `pwd; echo oops >&2; sleep ${seconds}`];
        await first.startDaemon({ name, argv, log, cwd: work });
        await first.close();
        expect(await toolbox.daemonRunning(name)).to.equal(true);
        expect(await eventually(async () => (await readFile(log, 'utf8')).endsWith('oops\n'))).to.equal(true);
        expect(await readFile(log, 'utf8')).to.equal(`earlier\n${work}\noops\n`);
      });

      it('until it is stopped from any toolbox', async () => {
        const started = Date.now();
        await toolbox.stopDaemon(name);
        expect(Date.now() - started).to.be.lessThan(20_000);
        expect(await toolbox.daemonRunning(name)).to.equal(false);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });

      it('and has nothing to do when a daemon that is not there is stopped', async () => {
        await toolbox.stopDaemon(name);
        expect(await toolbox.daemonRunning(name)).to.equal(false);
      });

      it('whose port on loopback is this machine’s', async () => {
        const perl = `use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
          $| = 1; print $s->sockport, "\\n"; while ($c = $s->accept) { print $c "hello\\n"; close $c }`;
        const log = path.join(work, 'port.log');
        await toolbox.startDaemon({ name, argv: ['perl', '-e', perl], log, cwd: work });
        expect(await eventually(async () => (await readFile(log, 'utf8')).endsWith('\n'))).to.equal(true);
        const port = (await readFile(log, 'utf8')).trim();
        const { stdout } = await execa('bash', ['-c', `cat </dev/tcp/127.0.0.1/${port}`], { timeout: 10_000 });
        expect(stdout).to.equal('hello');
        await toolbox.stopDaemon(name, { kill: true });
      });

      it('but not one whose program does not exist', async () => {
        const log = path.join(work, 'none.log');
        const error = await thrownBy(toolbox.startDaemon({ name, argv: ['no-such-program'], log, cwd: work }));
        expect(error.code).to.be.oneOf(['E_TOOL_FAILED', 'E_TOOLBOX_TOOL']);
        expect(await toolbox.daemonRunning(name)).to.equal(false);
      });
    });
  });
}
