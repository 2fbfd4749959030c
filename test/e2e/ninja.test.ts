import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { agent, lockstep, lockstepOk } from './lockstep.ts';
import { ostree, projectWith, resolve, temporaryDirectory } from './projects.ts';

// Of this machine's architecture in most places: what is tried here is the order of the steps, not emulation.
const yaml = `images:
  tiny:
    arch: amd64
    suites: [bookworm]
    packages: [dash]
    overlay: [overlay/]
`;

describe('a build by ninja', function () {
  this.timeout(15 * 60_000);
  let dir: string;
  let first: string;

  before(async () => {
    dir = await projectWith('ninja', yaml);
    await overlay(dir, 'one');
    await resolve(dir, '--toolbox', 'host');
    await lockstepOk(dir, ['ninja', '--toolbox', 'host']);
  });

  async function overlay(project: string, text: string): Promise<void> {
    await mkdir(path.join(project, 'overlay/etc/a b'), { recursive: true });
    await writeFile(path.join(project, 'overlay/etc/a b/file'), text);
  }

  async function ninja(cwd: string, ...args: string[]): Promise<string> {
    const { stdout, exitCode } = await execa('ninja', args, { cwd, reject: false });
    if (exitCode !== 0) throw new Error(`ninja ended with ${exitCode}:\n${stdout}`);
    return stdout;
  }

  const idle = 'ninja: no work to do.';
  const commitOf = (project: string) => ostree(project, 'rev-parse', 'tiny/amd64');

  it('goes through the import, all debs at once, and the stages', async () => {
    const said = await ninja(dir);
    expect(said.match(/import done/g), said).to.have.length(1);
    expect(said).to.match(/merge tiny[\s\S]*configure tiny[\s\S]*finalize tiny/);
    first = await commitOf(dir);
    const { outcome } = await lockstep(dir, ['build', '--toolbox', 'host']);
    expect(outcome.outcome).to.equal('unchanged');
  });

  it('has nothing to do the second time', async () => {
    expect(await ninja(dir)).to.equal(idle);
  });

  it('takes files of refs for targets, and the name of an image', async () => {
    const { stdout } = await execa('ninja', ['-t', 'targets', 'all'], { cwd: dir });
    const targets = stdout.split('\n').map((line) => line.split(':')[0]);
    const lockfile = await readFile(path.join(dir, 'tiny.lock'), 'utf8');
    const sums = [...lockfile.matchAll(/^SHA256: (.*)$/gm)].map(([, sha256]) => sha256);
    expect(sums.length).to.be.greaterThan(30);
    for (const kind of ['data', 'control']) {
      expect(targets).to.include.members(sums.map((sha256) => `.lockstep/repo/refs/heads/dpkg/${kind}/${sha256}`));
    }
    expect(targets).to.include('.lockstep/repo/refs/heads/tiny/amd64');
    expect(await ninja(dir, 'tiny/amd64')).to.equal(idle);
  });

  it('makes again what a changed overlay changes, and nothing else', async () => {
    await overlay(dir, 'two');
    const said = await ninja(dir);
    expect(said).to.contain('finalize tiny').and.not.to.contain('configure tiny');
    expect(await commitOf(dir)).to.not.equal(first);
    expect(await ninja(dir)).to.equal(idle);
  });

  it('goes back to the commit that it had', async () => {
    await overlay(dir, 'one');
    expect(await ninja(dir)).to.contain('finalize tiny');
    expect(await commitOf(dir)).to.equal(first);
    expect(await ninja(dir)).to.equal(idle);
  });

  it('looks at the numbers of users again when their lock was changed', async () => {
    const later = new Date(Date.now() + 1000);
    await utimes(path.join(dir, 'tiny.passwd'), later, later);
    expect(await ninja(dir))
      .to.contain('finalize tiny')
      .and.not.to.contain('configure tiny');
    expect(await ninja(dir)).to.equal(idle);
  });

  it('imports a deb again whose ref is gone, and goes on to the same commit', async () => {
    const sha256 = /^SHA256: (.*)$/m.exec(await readFile(path.join(dir, 'tiny.lock'), 'utf8'))?.[1];
    await rm(path.join(dir, '.lockstep/repo/refs/heads/dpkg/data', sha256 ?? ''));
    expect(await ninja(dir)).to.contain('import done');
    expect(await commitOf(dir)).to.equal(first);
    expect(await ninja(dir)).to.equal(idle);
  });

  it('refuses to build from a file that is older than what it was made from', async () => {
    const { exitCode, outcome } = await lockstep(dir, ['build', '--toolbox', 'host', '--plan', '0'.repeat(64)]);
    expect(exitCode).to.equal(1);
    expect(outcome).to.include({ code: 'E_PLAN' });
  });

  it('does not write over a file that is not lockstep’s', async () => {
    await writeFile(path.join(dir, 'own.ninja'), 'rule cp\n');
    const { exitCode, outcome } = await lockstep(dir, ['ninja', 'own.ninja', '--toolbox', 'host']);
    expect(exitCode).to.equal(2);
    expect(outcome).to.include({ code: 'E_FILE_TAKEN' });
    expect(await readFile(path.join(dir, 'own.ninja'), 'utf8')).to.equal('rule cp\n');
  });

  it('can be a part of another build', async () => {
    const top = await temporaryDirectory('ninja top');
    const project = path.join(top, 'image');
    // With owners and attributes: what has lost them is damaged, and imported anew.
    await execa('cp', ['-a', dir, project]);
    await rm(path.join(project, 'build.ninja'));
    await execa('node', [agent, '-C', 'image', '--toolbox', 'host', 'ninja', 'lockstep.ninja', '--from', '.'], {
      cwd: top,
    });
    const text = [
      'rule copy',
      '  command = cat $in >$out',
      'subninja image/lockstep.ninja',
      'build commit: copy image/.lockstep/repo/refs/heads/tiny/amd64',
      'build build.ninja: phony image/lockstep.ninja',
      '',
    ];
    await writeFile(path.join(top, 'build.ninja'), text.join('\n'));
    await ninja(top, 'commit');
    expect((await readFile(path.join(top, 'commit'), 'utf8')).trim()).to.equal(first);
    expect(await ninja(top)).to.equal(idle);
    await overlay(project, 'three');
    await ninja(top, 'commit');
    expect((await readFile(path.join(top, 'commit'), 'utf8')).trim()).to.equal(await commitOf(project));
    expect(await commitOf(project)).to.not.equal(first);
    expect(await ninja(top)).to.equal(idle);
  });
});
