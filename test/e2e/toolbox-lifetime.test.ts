import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { errorOf } from '../deb/debs.ts';
import { containersOf, eventually, kinds, openFor, processesWith } from './toolboxes.ts';
import { triedToolbox, unusual } from './tried-toolbox.ts';

for (const kind of kinds) {
  describe(`the ${kind} toolbox`, function () {
    this.timeout(120_000);
    const tried = triedToolbox(kind);

    describe('ends', () => {
      it('all that runs in it when the signal fires, and says that it was interrupted', async () => {
        const stop = new AbortController();
        const own = await openFor(tried.root, kind, stop.signal);
        const seconds = unusual();
        const mounted = ['sh', '-c', `mount -t tmpfs none "${tried.work}"; sleep ${seconds}`];
        const running = [errorOf(own.run(mounted, { isolate: true })), errorOf(own.run(['sleep', seconds]))];
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length > 1)).to.equal(true);
        const fired = Date.now();
        stop.abort();
        for (const error of await Promise.all(running)) expect(error.code).to.equal('E_INTERRUPTED');
        expect(Date.now() - fired).to.be.lessThan(5_000);
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
        expect((await errorOf(own.run(['true']))).code).to.equal('E_INTERRUPTED');
        await own.close();
      });

      it('all that runs in it when it is closed, and can be closed twice', async () => {
        const own = await openFor(tried.root, kind);
        const seconds = unusual();
        const { exited } = await own.open(['sleep', seconds]);
        expect(await eventually(async () => (await processesWith(`^sleep ${seconds}`)).length === 1)).to.equal(true);
        await own.close();
        await own.close();
        expect((await exited).exitCode).to.equal(137);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });

      it('with a process that was killed, and leaves no process, mount or container', async () => {
        const before = (await containersOf(tried.root)).length;
        const mark = unusual();
        const script = path.join(import.meta.dirname, 'hold-toolbox.ts');
        const holder = execa('node', ['--import', 'tsx', script, tried.root, kind, mark], { reject: false });
        const held = () => Promise.all([1, 2, 3].map((number) => processesWith(`^sleep ${mark}${number}`)));
        expect(await eventually(async () => (await held()).every((found) => found.length === 1), 30_000)).to.equal(
          true,
        );
        holder.kill('SIGKILL');
        await holder;
        const left = async () => (await held()).flat();
        expect(await eventually(async () => (await left()).length === 0), String(await left())).to.equal(true);
        expect(await readFile('/proc/mounts', 'utf8')).not.to.contain(mark);
        expect(await eventually(async () => (await containersOf(tried.root)).length === before)).to.equal(true);
      });
    });

    describe('keeps a daemon', () => {
      const name = `lockstep-test-${kind}-${randomBytes(4).toString('hex')}`;
      const seconds = unusual();

      after(() => tried.toolbox?.stopDaemon(name, { kill: true }));

      it('running after the toolbox that started it has closed, with its output in the log', async () => {
        const log = path.join(tried.work, 'daemon.log');
        await writeFile(log, 'earlier\n');
        const first = await openFor(tried.root, kind);
        const argv = ['sh', '-c', `pwd; echo oops >&2; sleep ${seconds}`];
        await first.startDaemon({ name, argv, log, cwd: tried.work });
        await first.close();
        expect(await tried.toolbox.daemonRunning(name)).to.equal(true);
        expect(await eventually(async () => (await readFile(log, 'utf8')).endsWith('oops\n'))).to.equal(true);
        expect(await readFile(log, 'utf8')).to.equal(`earlier\n${tried.work}\noops\n`);
      });

      it('until it is stopped from any toolbox', async () => {
        const started = Date.now();
        await tried.toolbox.stopDaemon(name);
        expect(Date.now() - started).to.be.lessThan(20_000);
        expect(await tried.toolbox.daemonRunning(name)).to.equal(false);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });

      it('and has nothing to do when a daemon that is not there is stopped', async () => {
        await tried.toolbox.stopDaemon(name);
        expect(await tried.toolbox.daemonRunning(name)).to.equal(false);
      });

      it('whose port on loopback is this machine’s', async () => {
        const perl = `use IO::Socket::INET; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
          $| = 1; print $s->sockport, "\\n"; while ($c = $s->accept) { print $c "hello\\n"; close $c }`;
        const log = path.join(tried.work, 'port.log');
        await tried.toolbox.startDaemon({ name, argv: ['perl', '-e', perl], log, cwd: tried.work });
        expect(await eventually(async () => (await readFile(log, 'utf8')).endsWith('\n'))).to.equal(true);
        const port = (await readFile(log, 'utf8')).trim();
        const { stdout } = await execa('bash', ['-c', `cat </dev/tcp/127.0.0.1/${port}`], { timeout: 10_000 });
        expect(stdout).to.equal('hello');
        await tried.toolbox.stopDaemon(name, { kill: true });
      });

      it('but not one whose program does not exist', async () => {
        const log = path.join(tried.work, 'none.log');
        const error = await errorOf(
          tried.toolbox.startDaemon({ name, argv: ['no-such-program'], log, cwd: tried.work }),
        );
        expect(error.code).to.be.oneOf(['E_TOOL_FAILED', 'E_TOOLBOX_TOOL']);
        expect(await tried.toolbox.daemonRunning(name)).to.equal(false);
      });
    });
  });
}
