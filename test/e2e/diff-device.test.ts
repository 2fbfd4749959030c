import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { DescribedChanges } from '../../src/apt/changes/described.ts';
import { inputsOf } from '../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile, type LockedPackage } from '../../src/apt/lockfile/lockfile.ts';
import { loadConfig } from '../../src/config/load.ts';
import { locked } from '../apt/samples.ts';
import { type Sshd, startSshd } from './openssh.ts';
import { projectWith } from './projects.ts';
import { lockstepFrom } from './tiny-project.ts';

/** The device is this machine, behind an OpenSSH server of the test's own. */
describe('lockstep diff --device', function () {
  this.timeout(60_000);
  let sshd: Sshd;
  let dir: string;
  /** This machine's packages as a lockfile would pin them. */
  let here: LockedPackage[];

  before(async () => {
    sshd = await startSshd();
    const arch = (await execa('dpkg', ['--print-architecture'])).stdout;
    const host = { host: '127.0.0.1', port: sshd.port, user: 'root', identity: sshd.identity, image: 'panel' };
    const known = { ...host, hostKey: await sshd.fingerprint() };
    const images = { panel: { arch, suites: ['bookworm'], packages: ['dash'] } };
    const devices = {
      'bench-1': { ...known, labels: ['bench'] },
      'bench-2': { ...known, hostKey: `SHA256:${'A'.repeat(43)}` },
    };
    dir = await projectWith('diff-device', JSON.stringify({ images, devices }));
    here = await installedHere(arch);
  });
  after(() => sshd?.stop());

  async function installedHere(arch: string): Promise<LockedPackage[]> {
    const shown = ['db:Status-Status', 'Package', 'Version', 'Architecture', 'source:Package', 'source:Version'];
    const format = `${shown.map((field) => `\${${field}}`).join('\t')}\n`;
    const { stdout } = await execa('dpkg-query', ['--show', `--showformat=${format}`]);
    const lines = stdout.split('\n').map((line) => line.split('\t'));
    return lines
      .filter(([status, , , architecture = '']) => status === 'installed' && [arch, 'all'].includes(architecture))
      .map(([, name = '', version, Architecture = '', source, sourceVersion]) =>
        locked(name, version, { Architecture, Source: `${source} (${sourceVersion})` }),
      );
  }
  async function pin(packages: LockedPackage[], name = 'panel.lock'): Promise<void> {
    const [image] = (await loadConfig(dir)).images;
    await writeFile(path.join(dir, name), formatLockfile(inputsOf(image!), packages));
  }
  async function compare(...args: string[]) {
    const env = { LOCKSTEP_SSH_CONFIG: 'none' };
    const { exitCode, outcome, stderr } = await lockstepFrom(dir, ['diff', ...args], { env });
    return { exitCode, outcome, stderr, images: (outcome.images ?? []) as (DescribedChanges & { device: string })[] };
  }

  it('finds nothing where the device has what is pinned', async () => {
    await pin(here);
    const { outcome, stderr, images } = await compare('--label', 'bench');
    expect(outcome.outcome, stderr).to.equal('unchanged');
    expect(outcome.message).to.equal('the devices have the packages that are pinned');
    expect(images[0]).to.include({ device: 'bench-1', name: 'panel' });
    expect(here.length).to.be.greaterThan(50);
  });

  it('lists what an update of the device would change, in the work tree’s lockfile or another', async () => {
    const pinned = here.filter(({ package: name }) => name !== 'base-files' && name !== 'dash');
    const others = [...pinned, locked('dash', '99:1-1'), locked('lockstep-sample', '1-1')];
    await pin(here);
    await pin(others, 'other.lock');
    const { exitCode, outcome, stderr, images } = await compare('--device', 'bench-1', 'other.lock');
    expect(exitCode, stderr).to.equal(0);
    expect(outcome.message).to.equal('3 packages differ');
    const of = (name: string) => here.find((deb) => deb.package === name)?.version;
    expect(images[0]?.changes.map(({ package: name, from, to, kind }) => [name, from, to, kind])).to.deep.equal([
      ['base-files', of('base-files'), null, 'removed'],
      ['dash', of('dash'), '99:1-1', 'upgraded'],
      ['lockstep-sample', null, '1-1', 'added'],
    ]);
    expect(images[0]?.size.new).to.equal(null);
    expect(images[0]?.sources.find(({ source }) => source === 'dash')?.note).to.contain('--fetch');
    const text = await execa('node', [
      ...['--import', 'tsx', 'src/cli.ts', 'diff', '--device', 'bench-1', 'other.lock', '-C', dir],
    ]);
    expect(text.stdout).to.match(/^panel on bench-1: 3 packages: 1 upgraded, 1 added, 1 removed; /m);
  });

  it('fails with what is wrong with one device, and shows the others', async () => {
    await pin([...here, locked('lockstep-sample', '1-1')]);
    const { exitCode, outcome, images } = await compare('--device', 'bench-2', '--device', 'bench-1');
    expect(exitCode).to.equal(1);
    expect(outcome).to.include({ outcome: 'failed', code: 'E_SSH_HOST_KEY' });
    expect(outcome.message).to.contain('bench-2');
    expect(images.map(({ device, changes }) => [device, changes.length])).to.deep.equal([['bench-1', 1]]);
  });

  it('refuses two lockfiles beside a device, and what is no lockfile', async () => {
    await pin(here);
    expect((await compare('--device', 'bench-1', 'panel.lock', 'panel.lock')).outcome.code).to.equal('E_USAGE');
    expect((await compare('--device', 'bench-1', 'nonsense')).outcome.code).to.equal('E_USAGE');
  });
});
