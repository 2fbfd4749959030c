import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { loadLockfile, readLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { readProvenance } from '../../src/apt/provenance/provenance-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type Note, noteText } from '../../src/peers/draft.ts';
import { type Sshd, startSshd } from './openssh.ts';
import { temporaryDirectory } from './projects.ts';
import { lockstepFrom, type TinyAnswer } from './tiny-project.ts';

const conf = (source: string) => `[General]
arch=armhf
noauth=true
bootstrap=Debian
[Debian]
packages=adduser
packages=dash tzdata
source=${source}
suite=bookworm
`;

/** Suites that the mirror serves whole; a project that lists more would not resolve on a day on which one is torn. */
const suites = ['--suite', 'bookworm', 'bookworm-updates'];

describe('lockstep init', function () {
  this.timeout(10 * 60_000);
  let dir: string;

  beforeEach(async () => {
    dir = await temporaryDirectory('init');
  });

  const written = async () => (await readdir(dir)).filter((name) => !name.startsWith('.')).sort();
  const textOf = (name: string) => readFile(path.join(dir, name), 'utf8');
  const notesOf = ({ outcome }: TinyAnswer) => (outcome.notes as Note[]).map(noteText);
  async function init(...args: string[]): Promise<TinyAnswer> {
    const answer = await lockstepFrom(dir, ['init', ...args], { env: { LOCKSTEP_SSH_CONFIG: 'none' } });
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
    expect(await readdir(path.join(dir, '.lockstep')).catch(() => [])).to.deep.equal([]);
    return answer;
  }
  /** What a build would refuse, is refused here. */
  async function builds() {
    const [image] = (await loadConfig(dir)).images;
    const lockfile = await readLockfile(image!);
    expect((await readProvenance(image!))?.lockDigest).to.equal(lockfile.digest);
    return { image: image!, lockfile };
  }

  it('writes lockstep.yml and lockfile of a multistrap.conf, and nothing over what is there', async () => {
    await writeFile(path.join(dir, 'multistrap.conf'), conf(await archiveHere()));
    const answer = await init('--from-multistrap', path.join(dir, 'multistrap.conf'));
    expect(answer.exitCode, answer.stderr).to.equal(0);
    const { image, lockfile } = await builds();
    expect(image.packages).to.deep.equal(['adduser', 'dash', 'tzdata']);
    expect(lockfile.packages.map((each) => each.package)).to.include.members(['adduser', 'libc6', 'tzdata']);
    expect(notesOf(answer)).to.deep.equal([
      'multistrap.conf:3: noauth=true is left out: signatures are checked always',
    ]);
    const before = [await textOf('lockstep.yml'), await textOf('panel.lock')];
    const again = await init('--from-multistrap', path.join(dir, 'multistrap.conf'));
    expect(again.outcome).to.include({ outcome: 'failed', code: 'E_USAGE' });
    expect([await textOf('lockstep.yml'), await textOf('panel.lock')]).to.deep.equal(before);
  });

  it('writes nothing when the archive has not what a list of packages names', async () => {
    await writeFile(path.join(dir, 'list'), 'dash\nno-such-package\n');
    const args = ['--from-packages', path.join(dir, 'list'), '--suite', 'bookworm'];
    const answer = await init(...args);
    expect(answer.outcome.code, answer.stderr).to.equal('E_APT_NO_PACKAGE');
    expect(answer.outcome.hint).to.include('--no-lock');
    expect(await written()).to.deep.equal(['list']);
    expect((await init(...args, '--no-lock')).exitCode).to.equal(0);
    expect(await written()).to.deep.equal(['list', 'lockstep.yml']);
  });

  it('writes lockstep.yml, lockfile and device of a live device, at the versions that it has', async () => {
    const made = await madeDevice();
    const address = `root@127.0.0.1:${made.sshd.port}`;
    const key = ['--host-key', await made.sshd.fingerprint()];
    // The key that the server takes is not among those of this user: an agent of the test's own has it.
    const asking = made.withAgent((env) => initAs(env, '--from-device', address, ...key, ...suites));
    const answer = await asking.finally(() => made.sshd.stop());
    expect(answer.exitCode, answer.stderr).to.equal(0);
    const { image, lockfile } = await builds();
    expect(image).to.include({ name: 'panel', arch: 'armhf' });
    expect(image.packages).to.deep.equal(['adduser', 'tzdata']);
    const version = (name: string) => lockfile.packages.find((each) => each.package === name)?.version;
    expect(version('tzdata')).to.equal(made.versionOf('tzdata'));
    expect(version('dash')).to.match(/^0\.5\.12/);
    expect(version('acme-agent')).to.equal(undefined);
    const notes = notesOf(answer).join('\n');
    expect(notes).to.match(/dash 0\.0\.1-1 is installed there, 0\.5\.12\S* is pinned/);
    expect(notes).to.include('acme-agent 1.0 is in no suite: left out of panel.lock');
    expect(notes).to.match(/sources\.list:2: signed by \S*acme\.gpg: copy that to a FILE/);
    expect(notes).to.include('its ostree remote panel is https://ostree.example.com/repo');
    expect((await loadConfig(dir)).devices[0]).to.deep.include({
      host: '127.0.0.1',
      port: made.sshd.port,
      user: 'root',
      hostKey: key[1],
    });
  });

  async function initAs(env: Record<string, string>, ...args: string[]): Promise<TinyAnswer> {
    return lockstepFrom(dir, ['init', ...args], { env: { LOCKSTEP_SSH_CONFIG: 'none', ...env } });
  }

  interface MadeDevice {
    sshd: Sshd;
    versionOf(name: string): string | undefined;
    withAgent<T>(work: (env: Record<string, string>) => Promise<T>): Promise<T>;
  }

  /** This machine with the dpkg, apt and ostree of another: a small system of bookworm as it was released, a bit astray. */
  async function madeDevice(): Promise<MadeDevice> {
    const device = await temporaryDirectory('device');
    const at = (name: string) => path.join(device, name);
    await writeFile(at('list'), 'adduser tzdata\n');
    const resolved = await lockstepFrom(device, ['init', '--from-packages', at('list'), '--suite', 'bookworm']);
    expect(resolved.exitCode, resolved.stderr).to.equal(0);
    const { packages } = await loadLockfile(at('panel.lock'));
    const state = 'Status: install ok installed\n';
    const stanzas = packages.map(({ fields }) => `${fields.raw}\n${state}`);
    const astray = stanzas.map((text) => text.replace(/^(Package: dash\n(?:.*\n)*?Version: ).*$/m, '$10.0.1-1'));
    const own = `Package: acme-agent\nVersion: 1.0\nArchitecture: armhf\nDepends: libc6\n${state}`;
    await writeFile(at('status'), [...astray, own].map((text) => `${text}\n`).join(''));
    await mkdir(at('apt/sources.list.d'), { recursive: true });
    const lines = [
      `deb ${await archiveHere()} bookworm main`,
      'deb [signed-by=/etc/acme.gpg] https://debs.example.com/x stable main',
    ];
    await writeFile(at('apt/sources.list'), lines.map((line) => `${line}\n`).join(''));
    await writeFile(at('os-release'), 'ID=debian\nVERSION_CODENAME=bookworm\n');
    await mkdir(at('lib'));
    await writeFile(at('lib/extended_states'), 'Package: passwd\nArchitecture: armhf\nAuto-Installed: 1\n\n');
    await execa('ostree', [`--repo=${at('repo')}`, 'init', '--mode=bare']);
    const remote = ['remote', 'add', '--no-gpg-verify', 'panel', 'https://ostree.example.com/repo'];
    await execa('ostree', [`--repo=${at('repo')}`, ...remote]);
    const sshd = await startSshd({
      settings: [`SetEnv OSTREE_REPO=${at('repo')}`],
      mounts: {
        '/var/lib/dpkg/status': at('status'),
        '/etc/apt': at('apt'),
        '/var/lib/apt': at('lib'),
        '/usr/lib/os-release': at('os-release'),
      },
    });
    const versions = new Map(
      parseStanzas(await readFile(at('status'), 'utf8')).map((one) => [one.get('Package'), one]),
    );
    return {
      sshd,
      versionOf: (name) => versions.get(name)?.get('Version'),
      withAgent: (work) => agentWith(sshd, work),
    };
  }
});

/** An ssh agent that holds the server's key and no other, for as long as the work takes. */
async function agentWith<T>(sshd: Sshd, work: (env: Record<string, string>) => Promise<T>): Promise<T> {
  const SSH_AUTH_SOCK = path.join(sshd.dir, 'agent');
  const { stdout } = await execa('ssh-agent', ['-s', '-a', SSH_AUTH_SOCK]);
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
  try {
    await execa('ssh-add', ['-q', sshd.identity], { env: { SSH_AUTH_SOCK } });
    return await work({ SSH_AUTH_SOCK });
  } finally {
    process.kill(pid);
  }
}

/** Base URL of the archive that this machine's apt has bookworm from. */
async function archiveHere(): Promise<string> {
  const format = '$(RELEASE) $(REPO_URI)';
  const { stdout } = await execa('apt-get', [
    'indextargets',
    '--no-release-info',
    '--format',
    format,
    'Created-By: Packages',
  ]);
  const url = /^bookworm (\S+)$/m.exec(stdout)?.[1];
  if (url === undefined) throw new Error('apt has no source for bookworm');
  return url.replace(/\/+$/, '');
}
