import { cp, readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import { lockstep, lockstepOk } from './lockstep.ts';
import { linkedCopy } from './panel-copy.ts';
import { type BuiltProject, builtPanel, ostree, temporaryDirectory } from './projects.ts';

const device = 'virt-1';

interface RunOutcome {
  outcome: string;
  images: { commit: string; stages: { cached: boolean }[] }[];
  devices: { name: string; verdict: string; commit: string; bytesSent: number }[];
  junit: string[];
}

/** What `npm run demo` shows, by the committed agent: a real ARMv7 machine with U-Boot, real OpenSSH, real ostree. */
describe('the main job on a virtual ARMv7 device', function () {
  this.timeout(30 * 60_000);
  let panel: BuiltProject;
  let yesterday: string;
  let first: RunOutcome;

  const run = async (...args: string[]) =>
    (await lockstepOk(panel.dir, [...args, '--toolbox', 'host'])) as unknown as RunOutcome;

  before(async () => {
    const built = await builtPanel();
    panel = { ...built, dir: await linkedCopy(built, 'job') };
    yesterday = (await run('build', '--image-version', 'yesterday')).images[0]?.commit ?? '';
    await run('devices', 'up', device);
    first = await run('run', '--keep-up');
  });

  after(() => run('devices', 'down', device));

  it('deploys the commit of the build over the older one that the device ran', async () => {
    expect(yesterday).to.match(/^[0-9a-f]{64}$/);
    expect(first.images[0]?.commit).to.equal(panel.commit).and.to.not.equal(yesterday);
    expect(first.devices[0]).to.include({ name: device, verdict: 'deployed', commit: panel.commit });
    expect(first.devices[0]?.bytesSent).to.be.greaterThan(0);
  });

  it('sends the difference, not the image', async () => {
    expect(first.devices[0]?.bytesSent).to.be.lessThan(1_000_000);
  });

  it('leaves JUnit with deploy, reboot, health and the tests, all passed on armv7l', async () => {
    const junit = await readFile(`${panel.dir}/.lockstep/run/junit/${device}.xml`, 'utf8');
    const names = [...junit.matchAll(/<testcase name="([^"]+)"/g)].map(([, name]) => name);
    expect(names).to.include.members(['deploy', 'reboot', 'health', '10-runs-the-commit', '20-packages-are-listed']);
    expect(junit).to.not.match(/<(failure|error|skipped)/);
    expect(junit).to.contain(`machine: armv7l, booted: ${panel.commit}`);
  });

  it('leaves the journal, the console and the artifacts of the device', async () => {
    const file = (name: string) => readFile(`${panel.dir}/.lockstep/run/devices/${device}/${name}`, 'utf8');
    expect(await file('journal.log')).to.contain('systemd');
    expect(await file('console.log')).to.contain('U-Boot');
    expect(await file('artifacts/machine-id.txt')).to.match(/^machine-id: [0-9a-f]{32}$/m);
  });

  it('shows, asked by plain ssh, the commit that the report names', async () => {
    const state = JSON.parse(await readFile(`${panel.dir}/.lockstep/devices/${device}/state.json`, 'utf8')) as {
      port: number;
    };
    const options = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
    const key = `${panel.dir}/.lockstep/devices/${device}/id_ed25519`;
    const ssh = ['-i', key, ...options, '-p', String(state.port), 'root@127.0.0.1', 'ostree', 'admin', 'status'];
    const { stdout } = await execa('ssh', ssh, { timeout: 60_000 });
    expect(stdout).to.match(new RegExp(`^\\* \\S+ ${panel.commit}\\.0`, 'm'));
    expect(stdout).to.contain(yesterday);
  });

  it('finds everything done the second time: nothing built, nothing deployed, tests run again', async () => {
    const second = await run('run', '--keep-up');
    expect(second.images[0]?.stages.every(({ cached }) => cached)).to.equal(true);
    expect(second.devices[0]).to.include({ verdict: 'unchanged', commit: panel.commit });
  });

  it('leaves a repository that any ostree client reads', async () => {
    expect(await ostree(panel.dir, 'log', 'panel/armhf')).to.contain(panel.commit);
    await ostree(panel.dir, 'fsck', '--quiet');
  });

  it('refuses a device that shows another host key than the pinned one', async () => {
    const file = `${panel.dir}/.lockstep/devices/${device}/state.json`;
    const text = await readFile(file, 'utf8');
    const { port } = JSON.parse(text) as { port: number };
    const other = await projectOfStranger(panel.dir, port);
    const { exitCode, outcome } = await lockstep(other, ['deploy', '--toolbox', 'host']);
    expect(exitCode).to.equal(1);
    const [refused] = outcome.devices as { verdict: string; reason: string }[];
    expect(refused?.verdict).to.equal('refused');
    expect(refused?.reason)
      .to.match(/host key/)
      .and.to.contain('SHA256:AAAA');
  });
});

/** The same project, knowing the device as a real one by a host key that it does not have. */
async function projectOfStranger(dir: string, port: number): Promise<string> {
  const target = await temporaryDirectory('stranger');
  await execa('cp', ['-al', `${dir}/.lockstep`, `${target}/.lockstep`]);
  await cp(`${dir}/panel.lock`, `${target}/panel.lock`);
  const yaml = await readFile(`${dir}/lockstep.yml`, 'utf8');
  const key = `identity: ${dir}/.lockstep/devices/${device}/id_ed25519`;
  const stranger = `  bench-1: {host: 127.0.0.1, port: ${port}, hostKey: "SHA256:${'A'.repeat(43)}", ${key}, image: panel}\n`;
  await writeFile(`${target}/lockstep.yml`, yaml.replace(/^ {2}virt-1:.*\n/m, stranger));
  return target;
}
