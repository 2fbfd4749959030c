import { createHash, randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { errorOf } from '../deb/debs.ts';
import { eventually, kinds, processesWith } from './toolboxes.ts';
import { triedToolbox, unusual } from './tried-toolbox.ts';

const MiB = 1024 * 1024;

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
    const tried = triedToolbox(kind);

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
        const { stdout } = await tried.toolbox.run(['sha256sum'], {
          input: Readable.from(source(), { objectMode: false }),
        });
        expect(stdout.slice(0, 64)).to.equal(sent.digest('hex'));
      });

      it('50 MiB out of a command, unharmed', async () => {
        const script = 'openssl rand -out "$1" 52428800 && sha256sum "$1" >&2 && cat "$1" && rm "$1"';
        const process = await tried.toolbox.open(['sh', '-ec', script, 'sh', path.join(tried.work, 'random')]);
        process.stdin.end();
        const received = createHash('sha256');
        for await (const chunk of process.stdout) received.update(chunk as Buffer);
        const { exitCode, stderr } = await process.exited;
        expect(exitCode).to.equal(0);
        expect(received.digest('hex')).to.equal(stderr.slice(0, 64));
      });

      it('no more out of a command than is read', async () => {
        const marker = path.join(tried.work, 'ran-ahead');
        const process = await tried.toolbox.open(['sh', '-c', 'head -c 33554432 /dev/zero; touch "$1"', 'sh', marker]);
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
        const process = await tried.toolbox.open(['cat']);
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
        expect((await tried.toolbox.run(['true'], { input })).exitCode).to.equal(0);
        const endless = Readable.from(endlessly(), { objectMode: false });
        expect((await tried.toolbox.run(['head', '-c', '1'], { input: endless })).exitCode).to.equal(0);
        expect((await tried.toolbox.run(['false'], { input: Buffer.alloc(8 * MiB), check: false })).exitCode).to.equal(
          1,
        );
      });

      it('nothing into a command that was given no input', async () => {
        expect((await tried.toolbox.run(['cat'], { timeoutMs: 10_000 })).stdout).to.equal('');
      });

      it('so that a source that broke off does not look like its end', async () => {
        const marker = path.join(tried.work, 'taken-for-the-end');
        async function* source() {
          yield Buffer.alloc(MiB);
          throw new Error('the source broke off');
        }
        const input = Readable.from(source(), { objectMode: false });
        const error = await errorOf(
          tried.toolbox.run(['sh', '-c', 'cat >/dev/null; touch "$1"', 'sh', marker], { input }),
        );
        expect(error.message).to.equal('the source broke off');
        await sleep(300);
        expect(await exists(marker)).to.equal(false);
      });

      it('so that a source that just ceased does not look like its end either', async () => {
        const marker = path.join(tried.work, 'taken-for-the-end');
        const input = new Readable({ read() {} });
        input.push(Buffer.alloc(MiB));
        setTimeout(() => input.destroy(), 200);
        const error = await errorOf(
          tried.toolbox.run(['sh', '-c', 'cat >/dev/null; touch "$1"', 'sh', marker], { input }),
        );
        expect(error).to.be.instanceOf(Error);
        await sleep(300);
        expect(await exists(marker)).to.equal(false);
      });

      it('until it is told to kill the command', async () => {
        const seconds = unusual();
        const process = await tried.toolbox.open(['sh', '-c', `sleep ${seconds}; true`]);
        process.kill();
        expect((await process.exited).exitCode).to.equal(137);
        expect(await processesWith(`sleep ${seconds}`)).to.deep.equal([]);
      });
    });
  });
}
