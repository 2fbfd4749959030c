import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { SigningConfig } from '../../src/config/types.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import { signCommit } from '../../src/image/signing/sign.ts';
import type { StageReport, Unemulated } from '../../src/image/stage.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { detachedMetadataFile, readSignatures, writeSignatures } from '../../src/ostree/signing.ts';
import { silent } from '../../src/progress/progress.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { errorOf } from '../deb/debs.ts';
import { type MadeKey, makeKey } from '../image/gpg-keys.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { configOf } from './signing-config.ts';
import { kinds, openFor, unsettled } from './toolboxes.ts';

for (const kind of kinds) {
  describe(`a commit built by the ${kind} toolbox and signed`, function () {
    this.timeout(120_000);
    let key: MadeKey;
    let other: MadeKey;
    let dir: string;
    let toolbox: Toolbox;
    let commit: string;
    let reports: StageReport[];

    before(async () => {
      [key, other] = await Promise.all([makeKey(), makeKey()]);
    });

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
