import { randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import { type Pulled, type PullOptions, pullThrough } from '../../src/device/push/push.ts';
import type { Traffic } from '../../src/device/ssh/session.ts';
import { connect } from '../../src/device/ssh/ssh.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { type SshServer, startSshServer } from '../device/ssh-server.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { refusal } from '../refusal.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { openFor } from './toolboxes.ts';

/** A device is here an ostree repository of this machine, behind an SSH server of this process: the puller is the real one. */
export interface Device {
  /** In the place of `/ostree`. */
  ostree: string;
  repo(...args: string[]): Promise<string>;
}

export interface Push extends Pulled {
  traffic: Traffic;
}

/** Bytes of the connection, both ways. */
export const total = ({ traffic }: Push) => traffic.sent + traffic.received;

/** A build repository with a few commits, and devices that pull from it. */
export class PushSite {
  readonly dir: string;
  readonly toolbox: Toolbox;
  readonly key: MadeKey;
  readonly server: SshServer;
  readonly source: CommitSource;
  /** `new` has a change in a file of `old`; `large` 40 files of a quarter of a megabyte besides. */
  readonly commits = { old: '', new: '', unsigned: '', large: '' };

  readonly #sources: CommitSource[] = [];

  static async open(): Promise<PushSite> {
    const dir = await temporaryDirectory('push');
    await mkdir(workspaceOf(dir).dir, { recursive: true });
    await ostree(dir, 'init', '--mode=bare');
    const site = new PushSite(dir, await openFor(dir, 'host'), await makeKey(), await startSshServer());
    await site.#commitAll();
    return site;
  }

  constructor(dir: string, toolbox: Toolbox, key: MadeKey, server: SshServer) {
    this.dir = dir;
    this.toolbox = toolbox;
    this.key = key;
    this.server = server;
    this.source = this.newSource();
  }

  /** Another one of the same repository, as another run of the agent has it. */
  newSource(): CommitSource {
    const source = new CommitSource(async () => this.toolbox, workspaceOf(this.dir));
    this.#sources.push(source);
    return source;
  }

  async close(): Promise<void> {
    await this.server.close();
    for (const source of this.#sources) await source.close();
    await this.toolbox.close();
  }

  get repo(): string {
    return workspaceOf(this.dir).repo;
  }

  ostree(...args: string[]): Promise<string> {
    return ostree(this.dir, ...args);
  }

  /** A path of what is kept for devices. */
  archived(name: string): string {
    return path.join(workspaceOf(this.dir).archive, name);
  }

  /** The paths of the objects that are kept for devices. */
  async kept(): Promise<string[]> {
    await mkdir(this.archived('objects'), { recursive: true });
    const found = await readdir(this.archived('objects'), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  }

  async commit(name: string, tree: string, { signed = true } = {}): Promise<string> {
    const revision = await this.ostree(
      'commit',
      `--branch=${name}`,
      '--timestamp=@0',
      '--no-bindings',
      `--tree=dir=${tree}`,
    );
    if (signed) await this.ostree('gpg-sign', `--gpg-homedir=${this.key.home}`, revision, this.key.fingerprint);
    return revision;
  }

  /** The checksum of a file's object. */
  async objectOf(revision: string, file: string): Promise<string> {
    return / ([0-9a-f]{64}) \//.exec(await this.ostree('ls', '-C', revision, file))?.[1] ?? '';
  }

  /** The path of a file's object in the build repository. */
  objectFile(checksum: string): string {
    return path.join(this.repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`);
  }

  async newDevice(): Promise<Device> {
    const at = await temporaryDirectory('device');
    const repo = async (...args: string[]) => (await execa('ostree', [`--repo=${at}/repo`, ...args])).stdout;
    await execa('ostree', ['init', `--repo=${at}/repo`, '--mode=bare']);
    const demands = ['--set=gpg-verify=true', `--gpg-import=${this.key.publicFile}`, 'lockstep', 'http://127.0.0.1/'];
    await repo('remote', 'add', ...demands);
    return { ostree: at, repo };
  }

  async push(device: Device, revision: string, options: Partial<PullOptions> = {}): Promise<Push> {
    const { signal } = new AbortController();
    const session = await connect(this.server.connection, { signal, environment: { HOME: '/nonexistent' } });
    try {
      const pulled = await pullThrough(session, revision, { source: this.source, ostree: device.ostree, ...options });
      return { ...pulled, traffic: session.traffic };
    } finally {
      await session.close();
    }
  }

  /** A push whose link is cut once so many bytes were sent. */
  async cutAfter(bytes: number, device: Device, revision: string, options: Partial<PullOptions> = {}): Promise<void> {
    let sent = 0;
    const onBytes = (more: number) => {
      sent += more;
      if (sent > bytes) this.server.cut();
    };
    await refusal(this.push(device, revision, { ...options, onBytes }), 'E_SSH_CUT');
  }

  /** Holds the commit on a device against the one that was built. */
  async expectWhole(device: Device, revision: string): Promise<void> {
    await device.repo('fsck', '--quiet');
    const list = (repo: Promise<string>) => repo.then((text) => text.split('\n'));
    const wanted = await list(this.ostree('ls', '-RCX', revision));
    expect(await list(device.repo('ls', '-RCX', revision))).to.deep.equal(wanted);
    expect(await device.repo('show', '--gpg-verify-remote=lockstep', revision)).to.include('Good signature');
    expect(await device.repo('rev-parse', 'lockstep/pushed')).to.equal(revision);
  }

  async #commitAll(): Promise<void> {
    const tree = path.join(this.dir, 'tree');
    await mkdir(path.join(tree, 'usr/lib'), { recursive: true });
    const library = randomBytes(300_000);
    await writeFile(path.join(tree, 'usr/lib/library'), library);
    for (let each = 0; each < 100; each++) await writeFile(path.join(tree, `usr/lib/${each}`), `${each}`.repeat(each));
    await execa('ln', ['-s', '../lib/library', path.join(tree, 'usr/link')]);
    await execa('setcap', ['cap_net_raw+ep', path.join(tree, 'usr/lib/7')]);
    await execa('chown', ['12:34', path.join(tree, 'usr/lib/9')]);
    await execa('chmod', ['4711', path.join(tree, 'usr/lib/9')]);
    await writeFile(path.join(tree, 'usr/lib/empty'), '');
    this.commits.old = await this.commit('old', tree);
    library.write('a change', 150_000);
    await writeFile(path.join(tree, 'usr/lib/library'), library);
    this.commits.new = await this.commit('new', tree);
    await writeFile(path.join(tree, 'usr/lib/unsigned'), 'unsigned');
    this.commits.unsigned = await this.commit('unsigned', tree, { signed: false });
    for (let each = 0; each < 40; each++) await writeFile(path.join(tree, `usr/large-${each}`), randomBytes(250_000));
    this.commits.large = await this.commit('large', tree);
  }
}
