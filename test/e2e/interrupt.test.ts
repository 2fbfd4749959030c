import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { execa } from 'execa';
import { expectNothingLeft } from './left-behind.ts';
import { agent, lockstepOk } from './lockstep.ts';
import { ostree, projectWith, resolve } from './projects.ts';

/** The architecture of this machine: the stages are the same, and quick. */
const yaml = `images:
  native:
    arch: amd64
    suites: [bookworm]
    packages: [systemd-sysv]
`;

for (const toolbox of ['host', 'docker']) {
  describe(`a build by the ${toolbox} toolbox, interrupted by Ctrl-C`, function () {
    this.timeout(15 * 60_000);
    let dir: string;

    before(async () => {
      dir = await projectWith(`interrupted-${toolbox}`, yaml);
      await resolve(dir, '--toolbox', toolbox);
    });

    for (const stage of ['import', 'configure']) {
      it(`in ${stage} ends soon, says so, and leaves nothing mounted or running`, async () => {
        const { exitCode, code, ms } = await interruptIn(dir, toolbox, stage);
        expect(code).to.equal('E_INTERRUPTED');
        expect(exitCode).to.equal(1);
        expect(ms).to.be.lessThan(20_000);
        await expectNothingLeft(dir);
      });
    }

    it('goes on the next time, and ends with a sound repository', async () => {
      await lockstepOk(dir, ['build', '--toolbox', toolbox]);
      await ostree(dir, 'fsck', '--quiet');
      await expectNothingLeft(dir);
    });
  });
}

/** Starts a build and sends SIGINT as soon as the stage's first line is in its log. */
async function interruptIn(dir: string, toolbox: string, stage: string) {
  const build = execa('node', [agent, 'build', '-C', dir, '--toolbox', toolbox, '--json'], {
    reject: false,
    stdin: 'ignore',
  });
  let sent = 0;
  const lines = createInterface({ input: build.stderr });
  lines.on('line', (line) => {
    if (sent !== 0 || !line.startsWith(`> ${stage}`)) return;
    // A moment later, so that the stage is at work and not only announced.
    setTimeout(() => build.kill('SIGINT'), 700);
    sent = performance.now();
  });
  await once(lines, 'close');
  const { exitCode, stdout } = await build;
  const ms = performance.now() - sent;
  return { exitCode, code: (JSON.parse(stdout) as { code: string }).code, ms };
}
