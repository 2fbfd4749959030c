import { expect } from 'chai';
import type { Lockfile } from '../../src/apt/lockfile/lockfile.ts';
import type { EmulationWish } from '../../src/emulation/emulation.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { bestWay, chooseEmulation } from '../../src/image/emulation.ts';
import type { Unemulated } from '../../src/image/stage.ts';
import { silent } from '../../src/progress/progress.ts';
import { probeExitCode } from '../../src/toolbox/probe.ts';
import type { Toolbox, ToolResult } from '../../src/toolbox/toolbox.ts';
import { imageConfig, locked } from '../apt/samples.ts';
import { refusal } from '../refusal.ts';

interface Machine {
  /** What the probe of a namespace of our own says: the emulator, or why not. */
  namespace?: { exitCode: number; stdout: string };
  /** Whether the machine's own binfmt_misc runs programs of the architecture. */
  runs?: boolean;
  /** What comes of asking for native tools that an earlier build has kept. */
  tools?: 'kept' | LockstepError;
}

const qemu = '/usr/bin/qemu-arm-static';
const works = { exitCode: 0, stdout: `${qemu}\n` };
const refused = { exitCode: 1, stdout: 'this kernel gives no binfmt_misc to a user namespace\n' };

/** A build on such a machine, and what it was told to note. */
function onMachine({ namespace = works, runs = true, tools = 'kept' }: Machine) {
  const notes: string[] = [];
  let commands = 0;
  const run = async (argv: readonly string[]): Promise<ToolResult> => {
    commands++;
    const answer = (exitCode: number, stdout = '') => ({ exitCode, stdout, stderr: '' });
    if (argv.includes('probe-emulation')) return { ...namespace, stderr: '' };
    if (argv[0] === 'sh') return answer(runs ? probeExitCode : 126);
    if (argv.includes('rev-parse')) {
      if (tools instanceof LockstepError) throw tools;
      return answer(0, '0'.repeat(64));
    }
    if (argv.includes('checkout')) return answer(0);
    throw new Error(`not expected: ${argv.join(' ')}`);
  };
  const toolbox = { kind: 'host', run } as unknown as Toolbox;
  const progress = { ...silent, note: (text: string) => void notes.push(text) };
  const build = { toolbox, progress, repo: '/repo', work: '/scratch' } as unknown as Unemulated;
  return { build, notes, commandCount: () => commands };
}

interface Asked {
  arch?: 'armhf' | 'amd64';
  packages?: string[];
  machine?: NodeJS.Architecture;
}

function choose(build: Unemulated, wish: EmulationWish, asked: Asked = {}) {
  const { arch = 'armhf', packages = ['dash'], machine = 'x64' } = asked;
  const lockfile = { packages: packages.map((name) => locked(name)), inputs: null } as unknown as Lockfile;
  const inputs = { image: imageConfig({ arch }), lockfile, workspace: { apt: '/apt' }, wish, machine };
  return chooseEmulation(build, inputs).ask;
}

describe('the way of emulation', () => {
  it('is native where a namespace of our own can be had, with the emulator found there, and the log says so', async () => {
    const { build, notes } = onMachine({});
    const emulation = await choose(build, 'auto')();
    expect(emulation).to.include({ way: 'native', qemu, tools: '/scratch/native-tools' });
    expect(emulation.magic).to.match(/^\\x7f\\x45\\x4c\\x46/);
    expect(notes).to.deep.equal(['emulation of armhf: native builds of 1 packages run in place of emulated ones']);
  });

  it('is native without a binfmt_misc entry of the machine', async () => {
    const { build } = onMachine({ runs: false });
    expect((await choose(build, 'auto')()).way).to.equal('native');
  });

  it('is found out once, however many stages ask', async () => {
    const { build, commandCount } = onMachine({});
    const emulation = choose(build, 'auto');
    const first = await emulation();
    const before = commandCount();
    expect(await emulation()).to.equal(first);
    expect(commandCount()).to.equal(before);
  });

  it('is shadow where none can be had, and the log says why', async () => {
    const { build, notes } = onMachine({ namespace: refused });
    expect(await choose(build, 'auto')()).to.include({ way: 'shadow', tools: '/scratch/native-tools' });
    expect(notes.join()).to.contain('mounted over them').and.to.contain('no binfmt_misc to a user namespace');
  });

  it('is shadow when that is wished for, though a namespace could be had', async () => {
    const { build, notes } = onMachine({});
    expect((await choose(build, 'shadow')()).way).to.equal('shadow');
    expect(notes.join()).to.not.contain('user namespace');
  });

  it('is plain when that is wished for, and nothing is fetched', async () => {
    const { build, notes } = onMachine({ tools: new LockstepError('E_APT_UNREACHABLE', 'asked') });
    expect(await choose(build, 'plain')()).to.deep.equal({
      way: 'plain',
      tools: null,
      toolsDigest: null,
      qemu: '',
      magic: '',
    });
    expect(notes).to.deep.equal(['emulation of armhf: plain']);
  });

  it('is a namespace without tools when plain is wished for and the machine itself has no emulator', async () => {
    const { build } = onMachine({ runs: false });
    expect(await choose(build, 'plain')()).to.include({ way: 'native', tools: null, qemu });
  });

  it('is plain where neither a namespace nor tools can be had, and the log says why', async () => {
    const unreachable = new LockstepError('E_APT_UNREACHABLE', 'the mirror does not answer');
    const { build, notes } = onMachine({ namespace: refused, tools: unreachable });
    expect((await choose(build, 'auto')()).way).to.equal('plain');
    expect(notes[0]).to.contain('the mirror does not answer');
    expect(notes[1]).to.contain('plain').and.to.contain('no binfmt_misc to a user namespace');
  });

  it('emulates all programs of an image that has none of the tools', async () => {
    const { build } = onMachine({});
    expect(await choose(build, 'auto', { packages: ['other'] })()).to.include({ way: 'native', tools: null });
  });

  it('is none for an image of this machine’s own architecture', async () => {
    const { build, commandCount } = onMachine({});
    expect((await choose(build, 'native', { arch: 'amd64' })()).way).to.equal('plain');
    expect(commandCount()).to.equal(0);
  });

  it('is plain on a processor that there are no native tools for', async () => {
    const { build, notes } = onMachine({});
    expect((await choose(build, 'auto', { machine: 'arm64' })()).way).to.equal('plain');
    expect(notes.join()).to.contain('no native tools for arm64');
    expect((await choose(build, 'shadow', { machine: 'arm64' })()).way).to.equal('plain');
  });

  it('is refused with E_EMULATION and the reason when native is wished for and not to be had', async () => {
    const { build } = onMachine({ namespace: refused });
    const error = await refusal(choose(build, 'native')(), 'E_EMULATION');
    expect(error.message).to.contain('no binfmt_misc to a user namespace');
  });

  it('is refused with E_BINFMT where nothing runs programs of the architecture', async () => {
    const { build } = onMachine({ namespace: refused, runs: false });
    for (const wish of ['auto', 'shadow', 'plain'] as const) await refusal(choose(build, wish)(), 'E_BINFMT');
  });

  for (const code of ['E_INTERRUPTED', 'E_DISK_FULL'] as const) {
    it(`is not chosen past ${code}`, async () => {
      const { build } = onMachine({ tools: new LockstepError(code, 'so it is') });
      await refusal(choose(build, 'auto')(), code);
    });
  }
});

describe('the best way of a toolbox', () => {
  const best = (machine: Machine, processor: NodeJS.Architecture = 'x64') =>
    bestWay(onMachine(machine).build.toolbox, 'armhf', processor);

  it('is native, shadow or none, with the reason why it is no better', async () => {
    const why = 'this kernel gives no binfmt_misc to a user namespace';
    expect(await best({})).to.deep.equal({ way: 'native', why: '' });
    expect(await best({ namespace: refused })).to.deep.equal({ way: 'shadow', why });
    expect(await best({ namespace: refused, runs: false })).to.deep.equal({ way: null, why });
  });

  it('is plain on a processor that there are no native tools for', async () => {
    expect(await best({}, 'arm64')).to.deep.equal({ way: 'plain', why: 'there are no native tools for arm64' });
  });
});
