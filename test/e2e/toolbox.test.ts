import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { assertRuns } from '../../src/toolbox/binfmt.ts';
import { errorOf } from '../deb/debs.ts';
import { eventually, kinds, processesWith } from './toolboxes.ts';
import { triedToolbox, unusual } from './tried-toolbox.ts';

for (const kind of kinds) {
  describe(`the ${kind} toolbox`, function () {
    this.timeout(120_000);
    const tried = triedToolbox(kind);

    describe('runs a command', () => {
      it('as root, in C.UTF-8, with umask 022, whatever that of the agent is', async () => {
        const own = process.umask(0o077);
        const running = tried.toolbox.run(['sh', '-c', 'id -u; umask; echo $LANG; locale charmap']);
        const { stdout } = await running.finally(() => process.umask(own));
        expect(stdout.trim().split('\n')).to.deep.equal(['0', '0022', 'C.UTF-8', 'UTF-8']);
      });

      it('in the directory and with the environment given', async () => {
        const argv = ['sh', '-c', 'pwd; echo $GIVEN'];
        const { stdout } = await tried.toolbox.run(argv, { cwd: tried.root, env: { GIVEN: 'a b' } });
        expect(stdout).to.equal(`${tried.root}\na b\n`);
      });

      it('and parts stdout from stderr', async () => {
        const lines: string[] = [];
        const argv = ['sh', '-c', 'echo out; sleep 0.1; echo err >&2'];
        const { stdout, stderr } = await tried.toolbox.run(argv, { onLine: (line) => lines.push(line) });
        expect({ stdout, stderr, lines }).to.deep.equal({ stdout: 'out\n', stderr: 'err\n', lines: ['out', 'err'] });
      });

      it('and reports how it failed, with its last words', async () => {
        const error = await errorOf(tried.toolbox.run(['sh', '-c', 'echo what went wrong >&2; exit 3']));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.equal('sh ended with exit code 3:\nwhat went wrong');
      });

      it('and takes an exit code for an answer when told so, but never a signal', async () => {
        const { exitCode } = await tried.toolbox.run(['sh', '-c', 'exit 3'], { answers: [1, 3] });
        expect(exitCode).to.equal(3);
        for (const end of ['exit 2', 'kill -KILL $$'])
          expect((await errorOf(tried.toolbox.run(['sh', '-c', end], { answers: [1, 3] }))).code).to.equal(
            'E_TOOL_FAILED',
          );
      });

      it('and returns the exit code when told not to check it', async () => {
        const { exitCode } = await tried.toolbox.run(['sh', '-c', 'exit 3'], { check: false });
        expect(exitCode).to.equal(3);
      });

      it('and reports a program that is not there', async () => {
        const error = await errorOf(tried.toolbox.run(['no-such-program']));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.contain('no-such-program');
      });

      it('and tells a full disk from any other failure', async () => {
        const script = 'mount -t tmpfs -o size=64k none "$1" && head -c 1000000 /dev/zero >"$1/file"';
        const error = await errorOf(tried.toolbox.run(['sh', '-ec', script, 'sh', tried.work], { isolate: true }));
        expect(error.code).to.equal('E_DISK_FULL');
      });

      it('and ends it when its time is up', async () => {
        const seconds = unusual();
        const started = Date.now();
        const error = await errorOf(tried.toolbox.run(['sh', '-c', `sleep ${seconds}; true`], { timeoutMs: 500 }));
        expect(error.code).to.equal('E_TOOL_FAILED');
        expect(error.message).to.contain('did not end within');
        expect(Date.now() - started).to.be.lessThan(10_000);
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
      });

      it('many times at once', async () => {
        const results = await Promise.all(
          Array.from({ length: 8 }, (_, index) => tried.toolbox.run(['sh', '-c', `sleep 0.1; echo ${index}`])),
        );
        expect(results.map(({ stdout }) => stdout.trim())).to.deep.equal(['0', '1', '2', '3', '4', '5', '6', '7']);
      });
    });

    describe('sees the project', () => {
      it('under the path that it has here', async () => {
        expect((await tried.toolbox.run(['cat', path.join(tried.root, 'given')])).stdout).to.equal('given');
      });

      it('and writes under .lockstep what is then here, as root’s', async () => {
        const file = path.join(tried.work, 'written');
        await tried.toolbox.run(['sh', '-c', 'echo written >"$1"; chmod 4711 "$1"', 'sh', file]);
        expect(await readFile(file, 'utf8')).to.equal('written\n');
        const { mode, uid } = await stat(file);
        expect({ mode: mode & 0o7777, uid }).to.deep.equal({ mode: 0o4711, uid: 0 });
      });

      it('as one file system, in which hard links and overlays work', async () => {
        const script = `cd "$1"; mkdir lower upper scratch merged; echo low >lower/file; ln lower/file link
          mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=scratch merged
          echo high >merged/file; cat link upper/file`;
        const { stdout } = await tried.toolbox.run(['sh', '-euc', script, 'sh', tried.work], { isolate: true });
        expect(stdout).to.equal('low\nhigh\n');
      });

      it('and can make devices, owners and capabilities there, as an image needs', async () => {
        const script = `cd "$1"; mknod null c 1 3; touch owned; chown 12:34 owned; chmod 2755 owned
          stat -c '%F %u:%g %a' null owned; chroot / true`;
        const { stdout } = await tried.toolbox.run(['sh', '-euc', script, 'sh', tried.work]);
        expect(stdout).to.contain('character special file 0:0').and.to.contain('regular empty file 12:34 2755');
      });
    });

    describe('isolates a command', () => {
      it('so that its mounts and its children go with it', async () => {
        const seconds = unusual();
        const script = 'mount -t tmpfs leaky "$1"; grep -c ^leaky /proc/mounts; setsid sleep "$2" & exec true';
        await tried.toolbox.run(['sh', '-euc', script, 'sh', tried.work, seconds], {
          isolate: true,
          timeoutMs: 20_000,
        });
        expect((await tried.toolbox.run(['cat', '/proc/mounts'])).stdout).not.to.contain('leaky');
        expect(await readFile('/proc/mounts', 'utf8')).not.to.contain('leaky');
        expect(await eventually(async () => (await processesWith(`sleep ${seconds}`)).length === 0)).to.equal(true);
      });

      it('so that it sees its own processes only', async () => {
        const { stdout } = await tried.toolbox.run(['sh', '-c', 'echo $$; ls -d /proc/[0-9]* | head -1'], {
          isolate: true,
        });
        expect(stdout).to.equal('1\n/proc/1\n');
      });
    });

    it('runs armhf programs', () => assertRuns(tried.toolbox, 'armhf'));
  });
}
