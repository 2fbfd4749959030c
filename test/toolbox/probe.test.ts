import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { assertRuns, canRun } from '../../src/toolbox/binfmt.ts';
import { probeExitCode, probeProgram } from '../../src/toolbox/probe.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';

const thisMachine = process.arch === 'arm64' ? 'arm64' : 'amd64';
const foreign = thisMachine === 'arm64' ? 'amd64' : 'arm64';

/** A toolbox in which every command exits with this code. */
function toolboxExiting(exitCode: number): Toolbox {
  const run = async () => ({ exitCode, stdout: '', stderr: '' });
  return { kind: 'docker', run } as unknown as Toolbox;
}

describe('the program that probes for an architecture', () => {
  it('runs on this machine’s own architecture and exits as it should', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-probe-'));
    try {
      await writeFile(path.join(dir, 'probe'), probeProgram(thisMachine), { mode: 0o700 });
      const { exitCode, stderr } = await execa(path.join(dir, 'probe'), { reject: false });
      expect(exitCode, stderr).to.equal(probeExitCode);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('is what binfmt_misc’s entry for armhf matches', () => {
    const magic = Buffer.from('7f454c4601010100000000000000000002002800', 'hex');
    const mask = Buffer.from('ffffffffffffff00fffffffffffffffffeffffff', 'hex');
    const start = probeProgram('armhf').subarray(0, 20);
    expect(start.map((byte, index) => byte & (mask[index] ?? 0))).to.deep.equal(magic);
  });

  it('is an AArch64 executable for arm64', () => {
    const program = probeProgram('arm64');
    expect(program.readUInt8(4), 'ELF class').to.equal(2);
    expect(program.readUInt16LE(18), 'e_machine').to.equal(183);
  });
});

describe('checking that a toolbox runs an architecture', () => {
  it('believes only the probe’s own exit code', async () => {
    expect(await canRun(toolboxExiting(probeExitCode), foreign)).to.equal(true);
    expect(await canRun(toolboxExiting(0), foreign)).to.equal(false);
    expect(await canRun(toolboxExiting(126), foreign)).to.equal(false);
  });

  it('fails with E_BINFMT naming the architecture and the machine that lacks it', async () => {
    const error = await assertRuns(toolboxExiting(126), foreign).catch((thrown) => thrown);
    expect(error.code).to.equal('E_BINFMT');
    expect(error.message).to.contain(foreign).and.to.contain('Docker engine');
    expect(error.hint).to.contain('qemu-user-static').and.to.contain('update-binfmts --enable');
  });

  it('asks for nothing when the architecture is this machine’s own', async () => {
    await assertRuns(toolboxExiting(126), thisMachine);
  });
});
