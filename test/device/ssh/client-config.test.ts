import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Asked, readClientConfig } from '../../../src/device/ssh/client-config.ts';
import { realConnection } from '../../../src/device/ssh/connection.ts';
import { LockstepError } from '../../../src/errors/index.ts';

describe('the configuration of the OpenSSH client', () => {
  let home: string;
  let file: string;

  before(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'lockstep-client-'));
    file = path.join(home, 'config');
  });
  after(() => rm(home, { recursive: true }));

  const asked: Asked = { device: 'bench-1', host: 'bench-1.lab', port: null, user: null, proxyJump: null };
  const environment = () => ({
    PATH: process.env.PATH,
    HOME: home,
    SSH_AUTH_SOCK: '/run/agent',
    OTHER: '/run/other',
    LOCKSTEP_SSH_CONFIG: file,
  });
  async function read(text: string, more: Partial<Asked> = {}) {
    await writeFile(file, text);
    const config = await readClientConfig({ ...asked, ...more }, environment());
    if (config === null) throw new Error('there is no ssh');
    return config;
  }

  it('leaves a host that it does not name as it is, and its user is root', async () => {
    expect(await read('')).to.deep.include({
      host: 'bench-1.lab',
      port: 22,
      user: 'root',
      agent: '/run/agent',
      identitiesOnly: false,
      hostKeyAlias: null,
      jumps: [],
      proxyCommand: null,
    });
    expect((await read('')).identityFiles).to.include(path.join(home, '.ssh/id_ed25519'));
  });

  it('says host, port, user, key, agent and names of known hosts', async () => {
    const text = `Host bench-*
      HostName 192.0.2.7
      Port 2222
      User panel
      IdentityFile ~/keys/%n_%r
      IdentitiesOnly yes
      IdentityAgent $OTHER
      HostKeyAlias bench
      UserKnownHostsFile ${home}/known /etc/lab/known
      GlobalKnownHostsFile none`;
    expect(await read(text)).to.deep.equal({
      host: '192.0.2.7',
      port: 2222,
      user: 'panel',
      hostKeyAlias: 'bench',
      knownHosts: [path.join(home, 'known'), '/etc/lab/known'],
      identityFiles: [path.join(home, 'keys/bench-1.lab_panel')],
      identitiesOnly: true,
      agent: '/run/other',
      jumps: [],
      proxyCommand: null,
    });
  });

  it('gives way to what lockstep.yml says, and what that says counts where it matches', async () => {
    const text = 'Match user bench\n  IdentityAgent none\nHost *\n  User panel\n  Port 2222\n  ProxyJump gate';
    const own = await read(text, { user: 'bench', port: 22, proxyJump: 'none' });
    expect(own).to.include({ user: 'bench', port: 22, agent: null });
    expect(own.jumps).to.deep.equal([]);
    expect((await read(text, { proxyJump: 'a@b:3,c' })).jumps).to.deep.equal(['a@b:3', 'c']);
  });

  it('keeps a user who has the name of the local one', async () => {
    const { username } = await import('node:os').then(({ userInfo }) => userInfo());
    expect((await read(`Host *\n  User ${username}\n`)).user).to.equal(username);
  });

  it('has files that include others, and matches that ask', async () => {
    await mkdir(path.join(home, 'more'), { recursive: true });
    await writeFile(path.join(home, 'more/a.conf'), 'Host bench-1.lab\n  Port 2022\n');
    expect(await read(`Include ${home}/more/*.conf\nMatch exec "true"\n  User asked\n`)).to.include({
      port: 2022,
      user: 'asked',
    });
  });

  it('is refused with the words of ssh when it cannot be read', async () => {
    const error = await read('Host *\n  Frobnicate yes\n').catch((thrown) => thrown);
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_SSH_CONFIG');
    expect(error.message).to.include('bench-1').and.include(`${file}: line 2`).and.include('frobnicate');
  });

  it('is nothing where there is no ssh; a jump host is then refused', async () => {
    const without = { HOME: home, PATH: '/nonexistent' };
    const shell = { ...without, PATH: home };
    expect(await readClientConfig(asked, shell)).to.equal(null);
    const device = { ...asked, name: 'bench-1', hostKey: null, identity: null };
    expect(await realConnection(device, shell)).to.include({ host: 'bench-1.lab', port: 22, user: 'root' });
    const error = await realConnection({ ...device, proxyJump: 'gate' }, shell).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_SSH_CONFIG');
  });

  it('reaches a device through its jump hosts, and those through theirs', async () => {
    const text = 'Host bench-1.lab\n  ProxyJump ops@[::1]:2200,inner\nHost ::1\n  ProxyJump outer\n';
    await writeFile(file, text);
    const device = { ...asked, name: 'bench-1', hostKey: null, identity: null };
    const { proxyCommand } = await realConnection(device, environment());
    const parts = proxyCommand?.match(/-W|outer|-p 2200 -l ops|::1|inner|bench-1\.lab/g);
    expect(parts).to.deep.equal(['-W', 'outer', '-p 2200 -l ops', '-W', '::1', '-W', 'bench-1.lab', 'inner']);
    expect(proxyCommand).to.include('[bench-1.lab]:22').and.include('StrictHostKeyChecking=yes');
  });

  it('does not follow jump hosts that lead in a circle', async () => {
    await writeFile(file, 'Host bench-1.lab\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n');
    const device = { ...asked, name: 'bench-1', hostKey: null, identity: null };
    const error = await realConnection(device, environment()).catch((thrown) => thrown);
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_SSH_CONFIG');
    expect(error.message).to.include('circle');
  });
});
