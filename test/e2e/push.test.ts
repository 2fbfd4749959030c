import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { type Pulled, type PullOptions, pullThrough } from '../../src/device/push.ts';
import type { Traffic } from '../../src/device/session.ts';
import { connect } from '../../src/device/ssh.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import { Throttle } from '../../src/ostree/throttle.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { type SshServer, startSshServer } from '../device/ssh-server.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { refusal } from '../refusal.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

/** A device is here an ostree repository of this machine, behind an SSH server of this process: the puller is the real one. */
interface Device {
  /** In the place of `/ostree`. */
  ostree: string;
  repo(...args: string[]): Promise<string>;
}

describe('a push', function () {
  this.timeout(120_000);
  const { signal } = new AbortController();
  const environment = { HOME: '/nonexistent' };
  let dir: string;
  let toolbox: Toolbox;
  let source: CommitSource;
  let server: SshServer;
  let key: MadeKey;
  const commits: Record<'old' | 'new' | 'unsigned' | 'large', string> = { old: '', new: '', unsigned: '', large: '' };

  before(async () => {
    dir = await temporaryDirectory('push');
    toolbox = await openFor(dir, 'host');
    key = await makeKey();
    await mkdir(workspaceOf(dir).dir, { recursive: true });
    await ostree(dir, 'init', '--mode=bare');
    const tree = path.join(dir, 'tree');
    await mkdir(path.join(tree, 'usr/lib'), { recursive: true });
    const library = randomBytes(300_000);
    await writeFile(path.join(tree, 'usr/lib/library'), library);
    for (let each = 0; each < 100; each++) await writeFile(path.join(tree, `usr/lib/${each}`), `${each}`.repeat(each));
    await execa('ln', ['-s', '../lib/library', path.join(tree, 'usr/link')]);
    await execa('setcap', ['cap_net_raw+ep', path.join(tree, 'usr/lib/7')]);
    await execa('chown', ['12:34', path.join(tree, 'usr/lib/9')]);
    await execa('chmod', ['4711', path.join(tree, 'usr/lib/9')]);
    await writeFile(path.join(tree, 'usr/lib/empty'), '');
    commits.old = await commit('old', tree);
    library.write('a change', 150_000);
    await writeFile(path.join(tree, 'usr/lib/library'), library);
    commits.new = await commit('new', tree);
    await writeFile(path.join(tree, 'usr/lib/unsigned'), 'unsigned');
    commits.unsigned = await commit('unsigned', tree);
    for (let each = 0; each < 40; each++) await writeFile(path.join(tree, `usr/large-${each}`), randomBytes(250_000));
    commits.large = await commit('large', tree);
    for (const name of ['old', 'new', 'large'] as const) {
      await ostree(dir, 'gpg-sign', `--gpg-homedir=${key.home}`, commits[name], key.fingerprint);
    }
    source = new CommitSource(async () => toolbox, workspaceOf(dir));
    server = await startSshServer();
  });
  after(async () => {
    await server.close();
    await source.close();
    await toolbox.close();
  });

  const commit = (name: string, tree: string) =>
    ostree(dir, 'commit', `--branch=${name}`, '--timestamp=@0', '--no-bindings', `--tree=dir=${tree}`);

  async function newDevice(): Promise<Device> {
    const at = await temporaryDirectory('device');
    const repo = async (...args: string[]) => (await execa('ostree', [`--repo=${at}/repo`, ...args])).stdout;
    await execa('ostree', ['init', `--repo=${at}/repo`, '--mode=bare']);
    const demands = ['--set=gpg-verify=true', `--gpg-import=${key.publicFile}`, 'lockstep', 'http://127.0.0.1/'];
    await repo('remote', 'add', ...demands);
    return { ostree: at, repo };
  }

  interface Push extends Pulled {
    traffic: Traffic;
  }

  async function push(device: Device, revision: string, options: Partial<PullOptions> = {}): Promise<Push> {
    const session = await connect(server.connection, { signal, environment });
    try {
      const pulled = await pullThrough(session, revision, { source, ostree: device.ostree, ...options });
      return { ...pulled, traffic: session.traffic };
    } finally {
      await session.close();
    }
  }

  const total = ({ traffic }: Push) => traffic.sent + traffic.received;
  const archived = (name: string) => path.join(workspaceOf(dir).archive, name);

  /** The paths of the objects that are kept for devices. */
  async function kept(): Promise<string[]> {
    const found = await readdir(archived('objects'), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  }

  it('brings the commit that was built, with owners, modes, capabilities and signature', async () => {
    const device = await newDevice();
    const { deltaFrom, files } = await push(device, commits.old);
    expect(deltaFrom).to.equal(null);
    expect(files).to.be.greaterThan(100);
    await device.repo('fsck', '--quiet');
    const list = (repo: Promise<string>) => repo.then((text) => text.split('\n'));
    const wanted = await list(ostree(dir, 'ls', '-RCX', commits.old));
    expect(await list(device.repo('ls', '-RCX', commits.old))).to.deep.equal(wanted);
    expect(await device.repo('show', '--gpg-verify-remote=lockstep', commits.old)).to.include('Good signature');
    expect(await device.repo('rev-parse', 'lockstep/pushed')).to.equal(commits.old);
    expect((await kept()).filter((file) => !file.endsWith('.filez'))).to.deep.equal([]);
  });

  it('keeps the objects that ostree itself would have made for an archive', async () => {
    const peer = path.join(dir, 'peer');
    await execa('ostree', ['init', `--repo=${peer}`, '--mode=archive']);
    await execa('ostree', ['pull-local', `--repo=${peer}`, workspaceOf(dir).repo, commits.old]);
    const names = (await execa('find', [`${peer}/objects`, '-name', '*.filez', '-printf', '%P\\n'])).stdout.split('\n');
    expect((await kept()).map((file) => path.relative(archived('objects'), file)).sort()).to.deep.equal(names.sort());
    for (const name of names) {
      const [mine, theirs] = await Promise.all(
        [archived('objects'), `${peer}/objects`].map((at) => readFile(`${at}/${name}`)),
      );
      const header = (bytes: Buffer) => bytes.subarray(0, 8 + bytes.readUInt32BE(0)).toString('hex');
      expect(header(mine!), name).to.equal(header(theirs!));
    }
  });

  it('costs less than 20 kB when there is nothing to bring', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    const again = await push(device, commits.old);
    expect(total(again)).to.be.within(1_000, 20_000);
  });

  it('is judged again once the device trusts another key', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    await device.repo('remote', 'delete', 'lockstep');
    const other = await makeKey();
    await device.repo(
      'remote',
      'add',
      '--set=gpg-verify=true',
      `--gpg-import=${other.publicFile}`,
      'lockstep',
      'http://127.0.0.1/',
    );
    await refusal(push(device, commits.old), 'E_SIGN_REFUSED');
  });

  it('sends what changed in a file as a static delta, and reports the bytes of the connection', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    const pushed = await push(device, commits.new);
    expect(pushed.deltaFrom).to.equal(commits.old);
    // The library alone has 300 kB of bytes that nothing compresses.
    expect(pushed.bytes).to.be.lessThan(100_000);
    // Login, questions and answers, HTTP.
    expect(total(pushed) - pushed.bytes).to.be.within(1_000, 15_000);
    await device.repo('fsck', '--quiet');
    expect(await device.repo('show', '--gpg-verify-remote=lockstep', commits.new)).to.include('Good signature');
  });

  it('makes a delta once for all devices', async () => {
    const before = await readdir(archived('deltas'));
    const devices = await Promise.all([newDevice(), newDevice()]);
    for (const device of devices) await push(device, commits.old);
    await Promise.all(devices.map((device) => push(device, commits.new)));
    expect(await readdir(archived('deltas'))).to.deep.equal(before);
  });

  it('sends objects when it is told to', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    const pushed = await push(device, commits.new, { delta: 'never' });
    expect(pushed.deltaFrom).to.equal(null);
    expect(total(pushed)).to.be.greaterThan(300_000);
  });

  it('is refused without the signature that the device demands, as objects and as a delta', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    for (const delta of ['never', 'always'] as const) {
      const error = await refusal(push(device, commits.unsigned, { delta }), 'E_SIGN_REFUSED');
      expect(error.message).to.include(commits.unsigned.slice(0, 12));
    }
    expect(await device.repo('refs')).to.equal('lockstep/pushed');
    expect(await device.repo('rev-parse', 'lockstep/pushed')).to.equal(commits.old);
  });

  it('is refused, too, when the unsigned commit is there already', async () => {
    const device = await newDevice();
    await device.repo('pull-local', workspaceOf(dir).repo, commits.unsigned);
    await refusal(push(device, commits.unsigned), 'E_SIGN_REFUSED');
  });

  it('goes on where a cut link left it', async () => {
    const device = await newDevice();
    const whole = total(await push(await newDevice(), commits.large));
    let sent = 0;
    const cut = push(device, commits.large, {
      onBytes: (bytes) => {
        sent += bytes;
        if (sent > 6_000_000) server.cut();
      },
    });
    await refusal(cut, 'E_SSH_CUT');
    const rest = total(await push(device, commits.large));
    // What was in flight is lost: eight objects of a quarter of a megabyte at most.
    expect(rest).to.be.lessThan(whole - 6_000_000 + 8 * 250_000);
    await device.repo('fsck', '--quiet');
  });

  it('goes on after a reboot of the device, and finds and fetches again what the power cut tore', async () => {
    const device = await newDevice();
    let sent = 0;
    const cut = push(device, commits.large, {
      onBytes: (bytes) => {
        sent += bytes;
        if (sent > 6_000_000) server.cut();
      },
    });
    await refusal(cut, 'E_SSH_CUT');
    const [staging = ''] = (await readdir(`${device.ostree}/repo/tmp`)).filter((name) => /^staging-.*[^k]$/.test(name));
    const files = (await execa('find', [`${device.ostree}/repo/tmp/${staging}`, '-size', '+200k'])).stdout.split('\n');
    expect(files).to.have.length.greaterThan(10);
    // As a reboot leaves it: another boot, all that was there before the last sync, one file torn all the same.
    await execa('sleep', ['0.1']);
    await writeFile(`${device.ostree}/lockstep/synced`, '');
    await truncate(files[0] ?? '', 1000);
    await execa('touch', ['-d', '1 minute', `${device.ostree}/lockstep/synced`]);
    await writeFile(`${device.ostree}/lockstep/boot`, 'another\n');
    const rest = await push(device, commits.large);
    expect(rest.traffic.sent).to.be.lessThan(6_500_000);
    await device.repo('fsck', '--quiet');
    expect(await device.repo('rev-parse', 'lockstep/pushed')).to.equal(commits.large);
    expect(await readdir(`${device.ostree}/lockstep`)).not.to.include('doubt');
  });

  it('takes nothing for arrived that was not synced before the power went', async () => {
    const device = await newDevice();
    let sent = 0;
    const cut = push(device, commits.large, {
      onBytes: (bytes) => {
        sent += bytes;
        if (sent > 6_000_000) server.cut();
      },
    });
    await refusal(cut, 'E_SSH_CUT');
    await rm(`${device.ostree}/lockstep/synced`, { force: true });
    await writeFile(`${device.ostree}/lockstep/boot`, 'another\n');
    const rest = await push(device, commits.large);
    expect(rest.traffic.sent).to.be.greaterThan(9_000_000);
    await device.repo('fsck', '--quiet');
  });

  it('finds an object that the disk of the device damaged, when it is told to look', async () => {
    const device = await newDevice();
    await push(device, commits.old);
    const object = execFileSync('find', [`${device.ostree}/repo/objects`, '-size', '+200k', '-type', 'f'], {
      encoding: 'utf8',
    });
    await appendFile(object.trim(), 'damaged');
    await push(device, commits.old, { verify: true });
    await device.repo('fsck', '--quiet');
  });

  it('makes a kept object anew that the disk of the agent damaged', async () => {
    const [file = ''] = await execa('find', [archived('objects'), '-size', '+200k']).then(({ stdout }) =>
      stdout.split('\n'),
    );
    const { size } = await stat(file);
    await truncate(file, size - 1000);
    const device = await newDevice();
    for (const name of ['old', 'large'] as const) await push(device, commits[name], { delta: 'never' });
    await device.repo('fsck', '--quiet');
  });

  it('does without a delta that the disk of the agent damaged, and makes it anew the next time', async () => {
    const [name = ''] = (await readdir(archived('deltas'))).filter((each) =>
      each.startsWith(`${commits.old}-${commits.new}`),
    );
    await writeFile(archived(`deltas/${name}/0`), 'damaged');
    const device = await newDevice();
    await push(device, commits.old);
    await push(device, commits.new);
    await device.repo('fsck', '--quiet');
    expect(await readdir(archived('deltas'))).not.to.include(name);
  });

  it('says which object of the build repository is damaged instead of sending it', async () => {
    const tree = path.join(dir, 'damaged-tree');
    await mkdir(tree);
    await writeFile(path.join(tree, 'file'), 'sound');
    const revision = await commit('damaged', tree);
    await ostree(dir, 'gpg-sign', `--gpg-homedir=${key.home}`, revision, key.fingerprint);
    const checksum = / ([0-9a-f]{64}) \/file/.exec(await ostree(dir, 'ls', '-RC', revision))?.[1] ?? '';
    await writeFile(
      path.join(workspaceOf(dir).repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`),
      'dam',
    );
    const error = await refusal(push(await newDevice(), revision), 'E_REPO');
    expect(error.message).to.include(checksum);
  });

  it('keeps to a rate that several devices share', async () => {
    const devices = await Promise.all([newDevice(), newDevice()]);
    const throttle = new Throttle(10_000_000);
    const started = performance.now();
    await Promise.all(
      devices.map((device) => push(device, commits.large, { throttle: (bytes) => throttle.take(bytes) })),
    );
    // Two times 10 MB.
    expect(performance.now() - started).to.be.within(1_900, 20_000);
  });

  it('gives up on a device that takes no byte any more, not on a slow one', async () => {
    const device = await newDevice();
    const stuck = new Promise<void>(() => {});
    const stall = { sending: 400, waiting: 60_000 };
    const error = await refusal(push(device, commits.old, { stall, throttle: () => stuck }), 'E_PUSH_STALLED');
    expect(error.message)
      .to.include('bench-1')
      .and.to.match(/has not taken a byte for \d+ s/);
    const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 50));
    await push(await newDevice(), commits.old, { stall, throttle: slow });
  });
});
