import { expect } from 'chai';
import { emulationIn } from '../../src/commands/emulation-check.ts';
import { probeExitCode } from '../../src/toolbox/probe.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';

/** A toolbox in which the namespace's probe answers so, and a program of another architecture exits so. */
function toolboxWith(probe: { exitCode: number; stdout: string }, exitCode: number): Toolbox {
  const run = async (argv: readonly string[]) =>
    argv.includes('probe-emulation') ? { ...probe, stderr: '' } : { exitCode, stdout: '', stderr: '' };
  return { kind: 'host', run } as unknown as Toolbox;
}

const refused = { exitCode: 1, stdout: 'this kernel gives no binfmt_misc to a user namespace\n' };

describe('what doctor says of emulation', () => {
  it('is native where it is', async () => {
    const check = await emulationIn(toolboxWith({ exitCode: 0, stdout: '/usr/bin/qemu-arm\n' }, 126), 'x64');
    expect(check).to.include({ name: 'emulation, host', ok: true, remedy: null });
    expect(check.found).to.match(/^native/);
  });

  it('is the next best way, and why it is not native', async () => {
    const check = await emulationIn(toolboxWith(refused, probeExitCode), 'x64');
    expect(check.ok).to.equal(true);
    expect(check.found)
      .to.match(/^shadow/)
      .and.to.contain('no binfmt_misc to a user namespace');
  });

  it('is missing, with the way to mend it, where nothing runs programs of the architecture', async () => {
    const check = await emulationIn(toolboxWith(refused, 126), 'x64');
    expect(check.ok).to.equal(false);
    expect(check.found).to.contain('no binfmt_misc');
    expect(check.remedy).to.contain('qemu-user-static').and.to.contain('update-binfmts --enable qemu-arm');
  });
});
