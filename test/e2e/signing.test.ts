import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import type { SigningConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { finalize } from '../../src/image/finalize.ts';
import { signCommit } from '../../src/image/signing/sign.ts';
import { trustLayers } from '../../src/image/signing/trust.ts';
import type { BuildEnvironment, StageReport, StageResult, Unemulated } from '../../src/image/stage.ts';
import { CommitSource } from '../../src/ostree/commit-source.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { type RepoServer, serveRepo } from '../../src/ostree/serve.ts';
import { detachedMetadataFile, readSignatures, writeSignatures } from '../../src/ostree/signing.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { errorOf } from '../deb/debs.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { kinds, openFor, plainBuild, unsettled } from './toolboxes.ts';

let key: MadeKey;
let other: MadeKey;

before(async function makeKeys() {
  this.timeout(60_000);
  [key, other] = await Promise.all([makeKey(), makeKey()]);
});

const configOf = (of: MadeKey, given: Partial<SigningConfig> = {}): SigningConfig => ({
  key: of.secretFile,
  publicKey: of.publicFile,
  passphraseFile: null,
  passphraseEnv: null,
  remote: null,
  ...given,
});

for (const kind of kinds) {
  describe(`a commit built by the ${kind} toolbox and signed`, function () {
    this.timeout(120_000);
    let dir: string;
    let toolbox: Toolbox;
    let commit: string;
    let reports: StageReport[];

    beforeEach(async () => {
      dir = await temporaryDirectory('signing');
      toolbox = await openFor(dir, kind);
      const { repo } = workspaceOf(dir);
      await ensureRepo(toolbox, repo, 'bare');
      await toolbox.run(['mkdir', '-p', `${workspaceOf(dir).work}/tree/usr`]);
      const tree = `--tree=dir=${workspaceOf(dir).work}/tree`;
      const argv = ['ostree', 'commit', `--repo=${repo}`, '--branch=panel/armhf', '--timestamp=@0', tree];
      commit = (await toolbox.run(argv)).stdout.trim();
      reports = [];
    });

    afterEach(() => toolbox.close());

    function sign(config: SigningConfig): Promise<boolean> {
      const signal = new AbortController().signal;
      const { repo, work } = workspaceOf(dir);
      const report = (stage: StageReport) => reports.push(stage);
      const build: Unemulated = { toolbox, progress: silent, signal, repo, work, sync: unsettled, report };
      return signCommit(build, commit, { config, root: dir, environment: process.env, make: true });
    }

    const signatures = () => readSignatures(workspaceOf(dir).repo, commit);
    const shown = () => ostree(dir, 'show', `--gpg-homedir=${key.trusted}`, commit);

    it('is the same commit, with a signature that ostree itself accepts', async () => {
      expect(await sign(configOf(key))).to.equal(true);
      expect(await ostree(dir, 'rev-parse', 'panel/armhf')).to.equal(commit);
      expect(await shown())
        .to.contain('Found 1 signature')
        .and.to.contain('Good signature');
      await ostree(dir, 'fsck', '--quiet');
      expect(reports).to.have.length(1);
      expect(reports[0]).to.include({ name: 'sign', cached: false });
    });

    it('keeps its signature when it is built again, which takes no secret key', async () => {
      await sign(configOf(key));
      const [made] = await signatures();
      expect(await sign(configOf(key, { key: '/nowhere/key.asc' }))).to.equal(false);
      expect(await signatures()).to.deep.equal([made]);
      expect(reports[1]).to.include({ name: 'sign', cached: true });
    });

    it('keeps another’s signature beside its own', async () => {
      await ostree(dir, 'gpg-sign', `--gpg-homedir=${other.home}`, commit, other.fingerprint);
      expect(await sign(configOf(key))).to.equal(true);
      expect(await sign(configOf(key))).to.equal(false);
      expect(await signatures()).to.have.length(2);
      expect(await shown())
        .to.contain('Found 2 signatures')
        .and.to.contain('Good signature');
    });

    it('loses signatures that prove nothing', async () => {
      await sign(configOf(key));
      const [good] = await signatures();
      const bad = Buffer.from(good ?? '');
      bad[bad.length - 5] = (bad[bad.length - 5] ?? 0) ^ 1;
      await writeSignatures(toolbox, workspaceOf(dir).repo, commit, [bad, Buffer.from('junk')]);
      expect(await sign(configOf(key))).to.equal(true);
      expect(await signatures()).to.have.length(1);
      expect(await shown()).to.contain('Good signature');
    });

    it('is signed by the key that is named, though another of the public ones has signed', async () => {
      const both = path.join(dir, 'both.asc');
      await writeFile(both, (await readFile(key.publicFile, 'utf8')) + (await readFile(other.publicFile, 'utf8')));
      await sign(configOf(other));
      const named = configOf(key, { key: key.fingerprint, publicKey: both });
      const environment = { ...process.env, GNUPGHOME: key.home };
      const { repo, work } = workspaceOf(dir);
      const signal = new AbortController().signal;
      const build: Unemulated = { toolbox, progress: silent, signal, repo, work, sync: unsettled, report: () => {} };
      const signing = { config: named, root: dir, environment, make: true };
      expect(await signCommit(build, commit, signing)).to.equal(true);
      expect(await signCommit(build, commit, signing)).to.equal(false);
      expect(await signatures()).to.have.length(2);
    });

    it('stays unsigned when the public key does not prove the signature', async () => {
      const error = await errorOf(sign(configOf(key, { publicKey: other.publicFile })));
      expect(error).to.include({ code: 'E_SIGN_VERIFY' });
      expect(error.message).to.contain(other.fingerprint);
      expect(await signatures()).to.deep.equal([]);
    });

    it('keeps what else ostree has written beside the commit', async () => {
      const { repo, work } = workspaceOf(dir);
      const argv = ['ostree', 'commit', `--repo=${repo}`, '--orphan', `--tree=dir=${work}/tree`];
      commit = (await toolbox.run([...argv, '--add-detached-metadata-string=note=keep me'])).stdout.trim();
      await sign(configOf(key));
      expect(await ostree(dir, 'show', '--print-detached-metadata-key=note', commit)).to.equal("'keep me'");
      expect(await shown()).to.contain('Good signature');
    });

    it('says so when what lies beside the commit is damaged', async () => {
      const { repo } = workspaceOf(dir);
      await toolbox.run(['sh', '-c', 'echo junk >"$1"', 'sh', detachedMetadataFile(repo, commit)]);
      expect(await errorOf(sign(configOf(key)))).to.include({ code: 'E_REPO' });
    });
  });
}

describe('an image that demands signatures', function () {
  this.timeout(120_000);
  let dir: string;
  let toolbox: Toolbox;
  let build: BuildEnvironment;
  let configured: StageResult;
  let server: RepoServer;
  let source: CommitSource;
  let url: string;

  before(async () => {
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
