import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { openContext } from '../../src/commands/context.ts';
import { devices } from '../../src/commands/devices/devices.ts';
import type { Context } from '../../src/commands/verb.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silent } from '../../src/progress/progress.ts';
import { refusal } from '../refusal.ts';
import { type Sshd, startSshd } from './openssh.ts';
import { projectWith } from './projects.ts';

const yaml = `# our images
images:
  panel: {arch: armhf, suites: [bookworm], packages: [openssh-server]}   # the only one

devices:
  virt-1: {virtual: true}   # the first
`;

describe('lockstep devices adopt', function () {
  this.timeout(30_000);
  let sshd: Sshd;
  let dir: string;
  let knownHosts: string;

  before(async () => {
    sshd = await startSshd();
  });
  after(() => sshd?.stop());
  beforeEach(async () => {
    dir = await projectWith('adopt', yaml);
    knownHosts = path.join(dir, 'known_hosts');
    const config = `Host panel-7.lab
      HostName 127.0.0.1
      Port ${sshd.port}
      UserKnownHostsFile ${knownHosts}
      GlobalKnownHostsFile none
      IdentityFile ${sshd.identity}\n`;
    await writeFile(path.join(dir, 'ssh_config'), config);
  });

  function adopt(args: string[], options: { hostKey?: string; as?: string } = {}, ask?: Context['ask']) {
    const context = openContext({ C: dir }, silent, new AbortController().signal, ask);
    const environment = { PATH: process.env.PATH, HOME: dir, LOCKSTEP_SSH_CONFIG: path.join(dir, 'ssh_config') };
    return devices.run({ ...context, environment }, options, ['adopt', ...args]);
  }
  const text = () => readFile(path.join(dir, 'lockstep.yml'), 'utf8');

  it('writes the device below the others when its key is the one that is given', async () => {
    const hostKey = await sshd.fingerprint();
    expect((await adopt(['panel-7.lab'], { hostKey })).outcome).to.equal('ok');
    expect(await text()).to.equal(`${yaml}  panel-7: {host: panel-7.lab, hostKey: "${hostKey}"}\n`);
    expect((await loadConfig(dir)).devices[1]).to.include({ name: 'panel-7', hostKey });
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
  });

  it('keeps user and port when they are given, and takes another name', async () => {
    const hostKey = await sshd.fingerprint();
    await adopt([`root@panel-7.lab:${sshd.port}`], { hostKey, as: 'bench-1' });
    expect(await text()).to.include(`  bench-1: {host: panel-7.lab, port: ${sshd.port}, user: root, hostKey: "`);
  });

  it('pins the key that known_hosts holds', async () => {
    await writeFile(knownHosts, `[127.0.0.1]:${sshd.port} ${await sshd.hostKey()}\n`);
    expect((await adopt(['panel-7.lab'])).hostKey).to.equal(await sshd.fingerprint());
  });

  it('asks at a terminal, with the fingerprint, and takes nothing but yes', async () => {
    let asked = '';
    const answering = (answer: string) => async (question: string) => {
      asked = question;
      return answer;
    };
    await refusal(adopt(['panel-7.lab'], {}, answering('y')), 'E_SSH_HOST_KEY_UNKNOWN');
    expect(asked).to.include(await sshd.fingerprint());
    expect(await text()).to.equal(yaml);
    await adopt(['panel-7.lab'], {}, answering('yes'));
    expect(await text()).to.include(await sshd.fingerprint());
  });

  it('takes no key that nobody vouched for, shows it, and neither logs in nor writes', async () => {
    const before = await sshd.log();
    const error = await refusal(adopt(['panel-7.lab']), 'E_SSH_HOST_KEY_UNKNOWN');
    expect(error.hint).to.include(`--host-key ${await sshd.fingerprint()}`);
    expect((await sshd.log()).slice(before.length)).not.to.include('Accepted');
    expect(await text()).to.equal(yaml);
  });

  it('does not write a device that shows another key, or that lets nobody in', async () => {
    await refusal(adopt(['panel-7.lab'], { hostKey: `SHA256:${'A'.repeat(43)}` }), 'E_SSH_HOST_KEY');
    const other = await startSshd();
    const config = await readFile(path.join(dir, 'ssh_config'), 'utf8');
    await writeFile(path.join(dir, 'ssh_config'), config.replace(sshd.identity, other.identity));
    await other.stop();
    await refusal(adopt(['panel-7.lab'], { hostKey: await sshd.fingerprint() }), 'E_SSH_AUTH');
    expect(await text()).to.equal(yaml);
  });

  it('adopts no device twice', async () => {
    const hostKey = await sshd.fingerprint();
    await adopt(['panel-7.lab'], { hostKey });
    const error = await refusal(adopt(['panel-7.lab'], { hostKey }), 'E_USAGE');
    expect(error.message).to.include('panel-7 already');
  });

  it('wants an address that is one', async () => {
    for (const address of ['-oProxyCommand=x', 'a b', 'root@', '']) await refusal(adopt([address]), 'E_USAGE');
  });
});
