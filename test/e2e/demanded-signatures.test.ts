import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { execa } from 'execa';
import type { SigningConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { finalize } from '../../src/image/finalize.ts';
import { signCommit } from '../../src/image/signing/sign.ts';
import { trustLayers } from '../../src/image/signing/trust.ts';
import type { BuildEnvironment, StageResult } from '../../src/image/stage.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { type RepoServer, serveRepo } from '../../src/ostree/serve.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { errorOf } from '../deb/debs.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { configOf } from './signing-config.ts';
import { openFor, plainBuild } from './toolboxes.ts';

describe('an image that demands signatures', function () {
  this.timeout(120_000);
  let key: MadeKey;
  let other: MadeKey;
  let dir: string;
  let toolbox: Toolbox;
  let build: BuildEnvironment;
  let configured: StageResult;
  let server: RepoServer;
  let source: CommitSource;
  let url: string;

  before(async () => {
    [key, other] = await Promise.all([makeKey(), makeKey()]);
    dir = await temporaryDirectory('demanding');
    toolbox = await openFor(dir, 'host');
    const { repo, work } = workspaceOf(dir);
    await ensureRepo(toolbox, repo, 'bare');
    build = plainBuild(toolbox, dir);
    await mkdir(`${work}/root/etc/ostree/remotes.d`, { recursive: true });
    for (const name of ['usr/lib', 'usr/share', 'var', 'root'])
      await mkdir(`${work}/root/${name}`, { recursive: true });
    await chmod(`${work}/root/etc`, 0o755);
    await symlink('usr/lib', `${work}/root/lib`);
    const commit = await ostree(dir, 'commit', '--branch=configured', `--tree=dir=${work}/root`);
    configured = { ref: 'configured', commit, digest: commit, cached: true };
    source = new CommitSource(async () => toolbox, workspaceOf(dir));
    server = serveRepo({ find: (wanted) => source.find(wanted, null) });
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  });

  after(async () => {
    server.close();
    server.server.close();
    await source.close();
    await toolbox.close();
  });

  /** The commit of an image that carries what `signing:` says. */
  async function image(version: string, config: SigningConfig | null): Promise<string> {
    const carried = await trustLayers(toolbox, 'panel', config);
    const provenance = { image: 'panel', version, lockDigest: 'd', revision: null };
    return (await finalize(build, configured, null, carried, [], provenance)).commit;
  }

  const demanding = () => configOf(key, { remote: { name: null, url: null } });
  const signing = (config: SigningConfig) => ({ config, root: dir, environment: process.env, make: true });

  /** A device's repository, configured as a checkout of the commit says. */
  async function deviceWith(commit: string): Promise<{ pull: (commit: string) => Promise<string | null> }> {
    const device = await temporaryDirectory('pulling');
    await execa('ostree', ['init', `--repo=${device}/repo`, '--mode=bare']);
    await ostree(dir, 'checkout', commit, `${device}/root`);
    const remote = await readFile(`${device}/root/usr/share/lockstep/remote`, 'utf8');
    const config = await readFile(`${device}/root/usr/etc/ostree/remotes.d/${remote.trim()}.conf`, 'utf8');
    const inRoot = config.replace('gpgkeypath=/', `gpgkeypath=${device}/root/`);
    await writeFile(`${device}/repo/config`, (await readFile(`${device}/repo/config`, 'utf8')) + inRoot);
    const pull = async (wanted: string) => {
      const argv = ['pull', `--repo=${device}/repo`, `--url=${url}`, remote.trim(), wanted];
      const { exitCode, stderr } = await execa('ostree', argv, { reject: false });
      return exitCode === 0 ? null : stderr;
    };
    return { pull };
  }

  it('carries the public key and a remote of its name, and says which', async () => {
    const commit = await image('1', configOf(key, { remote: { name: 'acme', url: 'https://localhost/repo' } }));
    const carried = await ostree(dir, 'cat', commit, '/usr/etc/ostree/remotes.d/acme.conf');
    expect(carried.split('\n')).to.deep.equal([
      '[remote "acme"]',
      'url=https://localhost/repo',
      'gpg-verify=true',
      'gpgkeypath=/usr/share/lockstep/keys/acme.asc',
    ]);
    const stored = await ostree(dir, 'cat', commit, '/usr/share/lockstep/keys/acme.asc');
    expect(`${stored}\n`).to.equal(await readFile(key.publicFile, 'utf8'));
    expect(await ostree(dir, 'cat', commit, '/usr/share/lockstep/remote')).to.equal('acme');
    const listed = await ostree(dir, 'ls', '-R', commit, '/usr/share/lockstep');
    expect(listed)
      .to.match(/^-00644 0 0 .*acme\.asc$/m)
      .and.to.match(/^d00755 0 0 .*keys$/m);
  });

  it('is another commit with another key or remote, and the same whoever holds the secret key', async () => {
    const commit = await image('1', demanding());
    expect(await image('1', null)).to.not.equal(commit);
    expect(await image('1', { ...demanding(), publicKey: other.publicFile })).to.not.equal(commit);
    expect(await image('1', { ...demanding(), remote: { name: null, url: 'x' } })).to.not.equal(commit);
    expect(await image('1', { ...demanding(), key: '/nowhere/key.asc' })).to.equal(commit);
  });

  it('takes a signed commit and refuses an unsigned and a foreign one', async () => {
    const { pull } = await deviceWith(await image('1', demanding()));
    const [signed, unsigned, foreign] = [await image('2', demanding()), await image('3', null), await image('4', null)];
    await signCommit(build, signed, signing(demanding()));
    await signCommit(build, foreign, signing(configOf(other)));
    expect(await pull(unsigned)).to.match(/no signatures found/);
    expect(await pull(foreign)).to.match(/public key not found|none are in trusted keyring/);
    expect(await pull(signed)).to.equal(null);
  });

  it('takes a commit that was signed after it was first served', async () => {
    const { pull } = await deviceWith(await image('1', demanding()));
    const commit = await image('5', demanding());
    expect(await pull(commit)).to.match(/no signatures found/);
    await signCommit(build, commit, signing(demanding()));
    expect(await pull(commit)).to.equal(null);
  });

  it('cannot call its remote what lockstep calls its own', async () => {
    const error = await errorOf(trustLayers(toolbox, 'lockstep', demanding()));
    expect(error).to.include({ code: 'E_CONFIG_VALUE' });
  });
});
