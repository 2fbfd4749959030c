import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { execa } from 'execa';
import { nativeDir } from '../../src/emulation/layout.ts';
import type { Check } from '../../src/toolbox/check.ts';
import { binfmtEntries, expectNothingLeft, namespacesHaveBinfmt } from './left-behind.ts';
import { agent, lockstep, lockstepOk } from './lockstep.ts';
import { addScript, type Builder, type Built, buildAs, importedCopy } from './panel-copy.ts';
import { type BuiltProject, builtPanel, ostree } from './projects.ts';

/** Where a namespace can have interpreters of its own, native builds of the tools have to run. */
const bestWay = (await namespacesHaveBinfmt()) ? 'native' : 'shadow';

const builders: Record<'german' | 'strict', Builder> = {
  german: {
    hostname: 'werkbank',
    umask: '002',
    env: { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', TZ: 'Pacific/Kiritimati', HOME: '/nonexistent' },
  },
  strict: { hostname: 'ci-7.example.org', umask: '077', env: { LANG: 'C', LC_ALL: 'C', TZ: 'UTC+9', HOME: '/' } },
};

/** Tells what is executed and what is read. */
const script = `#!/bin/sh
echo "readlink: $(readlink /proc/self/exe)"
echo "perl: $(perl -e 'print readlink "/proc/self/exe"')"
echo "sed: $(sed -n 's/^Name:\\t//p' /proc/self/status) $(echo works | sed s/w/W/)"
echo "machine: $(uname -m) $(arch) $(dpkg --print-architecture) $(getconf LONG_BIT)"
cp /usr/bin/sed /tmp/copy
cmp /usr/bin/sed /tmp/copy && echo "copy: $(echo works | /tmp/copy s/w/W/)"
echo "e_machine: $(od -An -j18 -N1 -tu1 /usr/bin/perl)"
`;

describe('the same lockfile, its programs run in different ways', function () {
  this.timeout(20 * 60_000);
  const entries: string[] = [];
  let panel: BuiltProject;
  const dirs: Record<string, string> = {};
  const built: Record<string, Built> = {};

  /** The commit of a project's configured root. */
  async function configured(dir: string): Promise<string> {
    const refs = (await ostree(dir, 'refs', '--list', 'lockstep/configured')).split('\n').filter(Boolean);
    expect(refs, 'configured roots').to.have.lengthOf(1);
    return ostree(dir, 'rev-parse', refs[0]!);
  }

  before(async () => {
    entries.push(...(await binfmtEntries()));
    panel = await builtPanel();
    for (const name of ['best way', 'plain', 'shadow']) dirs[name] = await importedCopy(panel, name);
    built['best way'] = await buildAs(builders.german, dirs['best way']!, '--toolbox', 'docker');
    built.plain = await buildAs(builders.strict, dirs.plain!, '--toolbox', 'host', '--emulation', 'plain');
    const shadow = ['--emulation', 'shadow', '--until', 'configure'];
    built.shadow = await buildAs(builders.german, dirs.shadow!, '--toolbox', 'host', ...shadow);
  });

  it('has every stage done anew', () => {
    for (const name of ['best way', 'plain']) {
      expect(built[name]?.made, name).to.include.members(['merge', 'configure', 'initramfs', 'finalize']);
    }
    expect(built.shadow?.made).to.include('configure');
  });

  it('is the same commit, whoever builds it, where, when, and in whatever toolbox', () => {
    expect(panel.commit).to.match(/^[0-9a-f]{64}$/);
    expect(built['best way']?.commit, 'by native tools, in a container').to.equal(panel.commit);
    expect(built.plain?.commit, 'emulated throughout, on the host').to.equal(panel.commit);
  });

  it('is the same configured root where native tools are mounted over emulated ones', async () => {
    expect(built.shadow?.commit).to.equal(await configured(dirs.plain!));
  });

  it('gives users and groups the same numbers', async () => {
    for (const lock of ['panel.passwd', 'panel.group']) {
      expect(await readFile(`${dirs['best way']}/${lock}`, 'utf8')).to.equal(
        await readFile(`${dirs.plain}/${lock}`, 'utf8'),
      );
    }
  });

  it('is built in the best way that this kernel allows, and the log says in which', () => {
    const log = built['best way']?.log ?? '';
    const [, count] =
      /emulation of armhf: native builds of (\d+) packages run in place of emulated ones/.exec(log) ?? [];
    expect(Number(count), log).to.be.greaterThan(20);
    expect(log.includes('mounted over them'), log).to.equal(bestWay === 'shadow');
    expect(built.shadow?.log).to.contain('mounted over them');
    expect(built.plain?.log).to.contain('emulation of armhf: plain');
  });

  it('is foretold by `lockstep doctor`', async () => {
    const { checks } = await lockstepOk(panel.dir, ['doctor']);
    for (const toolbox of ['docker', 'host']) {
      const check = (checks as Check[]).find(({ name }) => name === `emulation, ${toolbox}`);
      expect(check?.ok).to.equal(true);
      expect(check?.found?.startsWith(bestWay), check?.found ?? '').to.equal(true);
    }
  });

  it('leaves nothing behind: no interpreter, mount, process or container', async () => {
    for (const dir of Object.values(dirs)) await expectNothingLeft(dir);
    expect(await binfmtEntries()).to.deep.equal(entries);
  });

  describe('asked from inside what it runs', () => {
    const said: Record<string, string> = {};
    const ways = { 'best way': 'auto', plain: 'plain', shadow: 'shadow' } as const;

    before(async () => {
      for (const [name, way] of Object.entries(ways)) {
        const toolbox = name === 'best way' ? 'docker' : 'host';
        await addScript(dirs[name]!, script);
        const args = ['--toolbox', toolbox, '--emulation', way, '--until', 'customise'];
        said[name] = (await buildAs(builders.strict, dirs[name]!, ...args)).log;
      }
    });

    it('runs native programs, and emulated ones when told so', () => {
      const log = said['best way'];
      if (bestWay === 'native') {
        expect(log)
          .to.contain(`readlink: ${nativeDir}/usr/bin/readlink`)
          .and.to.contain(`perl: ${nativeDir}/usr/bin/perl`);
      }
      // A program that is mounted over another has the other's path.
      expect(said.shadow).to.match(/e_machine: +62\b/);
      expect(said.plain).to.contain('readlink: /usr/bin/readlink').and.to.contain('perl: /usr/bin/perl');
    });

    it('answers for the image’s architecture', () => {
      for (const name of Object.keys(ways)) expect(said[name], name).to.contain('machine: armv7l armv7l armhf 32');
    });

    it('is read and copied as the image’s own, and the copy works', () => {
      for (const name of ['best way', 'plain']) {
        expect(said[name], name).to.match(/e_machine: +40\b/);
        expect(said[name], name).to.contain('copy: Works').and.to.contain('sed: sed Works');
      }
    });
  });

  describe('interrupted or failing', () => {
    const atWork = '#!/bin/sh\necho at work\nperl -e "sleep 1000"\n';
    const ends = [
      { name: 'a script that fails', text: '#!/bin/sh\nexit 7\n', signal: null, toolbox: 'host' },
      { name: 'Ctrl-C', text: atWork, signal: 'SIGINT', toolbox: 'host' },
      { name: 'Ctrl-C', text: atWork, signal: 'SIGINT', toolbox: 'docker' },
      { name: 'the death of the agent', text: atWork, signal: 'SIGKILL', toolbox: 'docker' },
    ] as const;

    for (const { name, text, signal, toolbox } of ends) {
      it(`leaves nothing behind after ${name}, by the ${toolbox} toolbox`, async () => {
        const dir = dirs[toolbox === 'docker' ? 'best way' : 'plain']!;
        await addScript(dir, text);
        const args = ['build', '--toolbox', toolbox, '--until', 'customise'];
        if (signal === null) expect((await lockstep(dir, args)).outcome.code).to.equal('E_RUN');
        else await killAtWork(dir, args, signal);
        await eventuallyNothingLeft(dir);
        expect(await binfmtEntries()).to.deep.equal(entries);
      });
    }
  });
});

/** Starts the agent and sends it a signal when a script of the image says that it is at work. */
async function killAtWork(dir: string, args: readonly string[], signal: NodeJS.Signals): Promise<void> {
  const run = execa('node', [agent, ...args, '-C', dir, '--json'], { reject: false, stdin: 'ignore' });
  let sent = false;
  const lines = createInterface({ input: run.stderr });
  lines.on('line', (line) => {
    if (sent || !/at work/.test(line)) return;
    sent = run.kill(signal);
  });
  await once(lines, 'close');
  expect(sent, 'it was never at work').to.equal(true);
  await run;
}

/** What a dead agent held ends within a moment. */
async function eventuallyNothingLeft(dir: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await expectNothingLeft(dir);
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
