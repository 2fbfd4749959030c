import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { openContext } from '../../src/commands/context.ts';
import { diff } from '../../src/commands/diff/diff.ts';
import type { ComparedCommits } from '../../src/commands/diff/images.ts';
import type { Outcome } from '../../src/commands/verb.ts';
import { silent } from '../../src/progress/progress.ts';
import { errorOf } from '../deb/debs.ts';
import { builtPanel, ostree, projectWith, temporaryDirectory } from './projects.ts';

const yaml = `images:
  panel: {arch: armhf, suites: [bookworm], packages: [dash]}
  other: {arch: armhf, suites: [bookworm], packages: [dash]}
`;

async function difference(dir: string, args: string[], options: { image?: string[]; markdown?: boolean } = {}) {
  const context = openContext({ C: dir, toolbox: 'host', image: options.image }, silent, new AbortController().signal);
  try {
    const outcome = await diff.run(context, { images: true, markdown: options.markdown }, args);
    return { outcome, text: diff.print?.(outcome) ?? '' };
  } finally {
    await context.close();
  }
}

const fieldsOf = (outcome: Outcome) => outcome as unknown as ComparedCommits;

describe('the difference of two commits', function () {
  this.timeout(60_000);
  let dir: string;
  const commits: Record<string, string> = {};

  before(async () => {
    dir = await projectWith('diff-images', yaml);
    await mkdir(path.join(dir, '.lockstep'));
    await ostree(dir, 'init', '--mode=bare');
    commits.before = await commit('1.0', 'lockstep/deployable/1', {
      ...packageFiles('app', '1.0', ['/usr/bin/app', '/etc/app.conf']),
      'usr/bin/app': 'small',
      'usr/bin/ping': 'ping',
      'usr/etc/app.conf': 'a=1',
    });
    commits.after = await commit('1.1', 'panel/armhf', {
      ...packageFiles('app', '1.1', ['/usr/bin/app', '/etc/app.conf', '/lib/systemd/system/app.service']),
      'usr/bin/app': 'rather larger',
      'usr/bin/ping': 'ping',
      'usr/etc/app.conf': 'a=2',
      'usr/lib/systemd/system/app.service': '[Service]',
    });
  });

  const admin = 'usr/lib/sysimage/dpkg';

  function packageFiles(name: string, version: string, files: string[]): Record<string, string> {
    const status = `Package: ${name}\nStatus: install ok installed\nArchitecture: armhf\nVersion: ${version}\n`;
    return {
      [`${admin}/status`]: status,
      [`${admin}/info/${name}.list`]: `/.\n${files.join('\n')}\n`,
      [`${admin}/info/${name}.conffiles`]: '/etc/app.conf\n',
    };
  }

  async function commit(version: string, ref: string, files: Record<string, string>): Promise<string> {
    const tree = await temporaryDirectory('diff-tree');
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await writeFile(path.join(tree, file), text);
    }
    if (version === '1.1') {
      await chmod(path.join(tree, 'usr/bin/app'), 0o4755);
      await execa('setcap', ['cap_net_raw+ep', path.join(tree, 'usr/bin/ping')]);
      await mkdir(path.join(tree, 'usr/etc/systemd/system/multi-user.target.wants'), { recursive: true });
      const wants = 'usr/etc/systemd/system/multi-user.target.wants/app.service';
      await symlink('/lib/systemd/system/app.service', path.join(tree, wants));
    }
    const metadata = `--add-metadata-string=version=${version}`;
    return ostree(dir, 'commit', `--branch=${ref}`, '--timestamp=@0', metadata, `--tree=dir=${tree}`);
  }

  it('tells packages, rights, units, conffiles and sizes', async () => {
    const { outcome, text } = await difference(dir, ['lockstep/deployable/1', 'panel/armhf']);
    expect(outcome.outcome).to.equal('ok');
    const { a, b, packages, privileges, units, conffiles, sizes } = fieldsOf(outcome);
    expect(a).to.deep.equal({ name: 'lockstep/deployable/1', commit: commits.before, version: '1.0' });
    expect(b).to.deep.equal({ name: 'panel/armhf', commit: commits.after, version: '1.1' });
    expect(packages).to.deep.equal([{ package: 'app', from: '1.0', to: '1.1', kind: 'upgraded' }]);
    expect(privileges).to.deep.equal([
      { path: '/usr/bin/app', package: 'app', from: null, to: 'setuid root' },
      { path: '/usr/bin/ping', package: null, from: null, to: 'cap_net_raw=ep' },
    ]);
    expect(units.map(({ unit }) => unit)).to.have.members(['app.service', 'multi-user.target.wants/app.service']);
    expect(conffiles.map(({ path: name, what }) => [name, ...what])).to.deep.equal([['/usr/etc/app.conf', 'content']]);
    expect(sizes.map((change) => change.package)).to.include('app');
    expect(text)
      .to.contain('app 1.0 -> 1.1')
      .and.to.contain('/usr/bin/app (app): none -> setuid root')
      .and.to.contain('+ multi-user.target.wants/app.service')
      .and.to.contain('~ /usr/etc/app.conf (app)');
  });

  it('reads as Markdown', async () => {
    const { text } = await difference(dir, ['1.0', '1.1'], { markdown: true });
    expect(text)
      .to.match(/^## 1\.0 \([0-9a-f]{12}\) -> 1\.1/)
      .and.to.contain('### packages\n\n```\napp 1.0 -> 1.1\n```');
  });

  it('finds commits by image, ref, version, checksum and its beginning', async () => {
    for (const name of ['panel', 'panel/armhf', '1.1', commits.after ?? '', commits.after?.slice(0, 10) ?? '']) {
      const { outcome } = await difference(dir, [commits.before ?? '', name]);
      expect(fieldsOf(outcome).b.commit, name).to.equal(commits.after);
    }
    const { outcome } = await difference(dir, ['1.0'], { image: ['panel'] });
    expect(fieldsOf(outcome).b).to.include({ name: 'panel', commit: commits.after });
  });

  it('is none between a commit and itself', async () => {
    const { outcome } = await difference(dir, ['panel', '1.1']);
    expect(outcome.outcome).to.equal('unchanged');
    expect(fieldsOf(outcome).files).to.deep.equal([]);
  });

  it('is not to be had of what is not there, but near names are told', async () => {
    const unknown = await errorOf(difference(dir, ['panel/armf', 'panel']));
    expect(unknown).to.include({ code: 'E_NO_SUCH_COMMIT', exitCode: 2, hint: 'did you mean panel/armhf?' });
    const unbuilt = await errorOf(difference(dir, ['other', 'panel']));
    expect(unbuilt).to.include({ code: 'E_NOT_BUILT' });
    expect(await errorOf(difference(dir, []))).to.include({ code: 'E_USAGE' });
    const empty = await projectWith('diff-empty', yaml);
    expect(await errorOf(difference(empty, ['1.0', '1.1']))).to.include({ code: 'E_NO_SUCH_COMMIT' });
  });

  it('says so when a version stands for several commits', async () => {
    await commit('1.0', 'lockstep/deployable/2', { 'usr/other': '' });
    const error = await errorOf(difference(dir, ['1.0', 'panel']));
    expect(error).to.include({ code: 'E_NO_SUCH_COMMIT' });
    expect(error.message).to.contain('stands for 2 commits').and.to.contain(commits.before);
  });

  it('takes less than two seconds with a bootable image', async function () {
    this.timeout(30 * 60_000);
    const panel = await builtPanel();
    const configured = (await ostree(panel.dir, 'refs', '--list', 'lockstep/configured')).split('\n')[0] ?? '';
    const times: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const start = performance.now();
      const { outcome } = await difference(panel.dir, [configured, 'panel']);
      times.push(performance.now() - start);
      expect(fieldsOf(outcome).packages).to.deep.equal([]);
      expect(fieldsOf(outcome).privileges).to.deep.equal([]);
    }
    expect(Math.min(...times)).to.be.lessThan(2000);
  });
});
