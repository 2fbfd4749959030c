import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { resourceText } from '../../src/resources.ts';
import { temporaryDirectory } from './projects.ts';

const initial = `
mkdir -p kept emptied/deep gone replaced file-soon links acl "odd $(printf '\\n')name"
echo kept >kept/file; echo touched >kept/touched; echo edited >kept/edited; echo old >kept/mode
echo one >links/one; ln links/one links/two; ln -s one links/three
echo deep >emptied/deep/file; echo gone >gone/file; echo replaced >replaced/file; echo dir >dir-soon
chmod 4755 kept/mode`;

const changes = `
touch kept/touched; echo more >>kept/edited; chmod 0750 kept/mode; chown 3:4 kept/file
echo two >>links/two; ln -sfn two links/three; rm -r gone; rm -r replaced; mkdir replaced; echo new >replaced/new
rm -r emptied/deep; rmdir file-soon; echo file >file-soon; rm dir-soon; mkdir -m 2775 dir-soon; echo in >dir-soon/in
mkdir -p new/tree; echo new >new/tree/file; mkfifo new/pipe || true; rm -f new/pipe; chmod 1777 kept
echo odd >"odd $(printf '\\n')name/file"; printf 'x' >capable; mv links moved
python3 -c '
import os
os.setxattr("acl", "system.posix_acl_default", bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000500ffffffff"))
os.setxattr("capable", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))'`;

describe('a writable root', function () {
  this.timeout(60_000);
  let dir: string;

  before(async () => {
    dir = await temporaryDirectory('writable-root');
    await execa('ostree', [`--repo=${dir}/repo`, 'init', '--mode=bare']);
    await mkdir(`${dir}/tree`);
    await execa('bash', ['-euc', initial], { cwd: `${dir}/tree` });
    await commit('tree', 'before');
  });

  function commit(tree: string, branch: string) {
    const argv = [
      `--repo=${dir}/repo`,
      'commit',
      `--branch=${branch}`,
      '--timestamp=@0',
      '--parent=none',
      '--no-bindings',
    ];
    return execa('ostree', [...argv, '--link-checkout-speedup', `--tree=dir=${dir}/${tree}`]);
  }

  /** Makes the changes in a checkout of what was before; returns the kind of its writable root. */
  async function change(tree: string, prelude: string): Promise<string> {
    await execa('ostree', [`--repo=${dir}/repo`, 'checkout', '--require-hardlinks', 'before', `${dir}/${tree}`]);
    await writeFile(path.join(dir, 'changes.sh'), changes);
    const script = `
      settle_changes=$(cat)
      ${prelude}
      ${resourceText('stages/writable-root.sh')}
      open_writable "$1" "$1.root"
      if mountpoint -q "$1.root"; then echo overlay; else echo copy; fi
      (cd "$1.root"; bash -eu "${dir}/changes.sh")
      mkdir -p "$1.root/new/below"; mount -t tmpfs tmpfs "$1.root/new/below"; echo hidden >"$1.root/new/below/file"
      settle_writable "$1" "$1.root"`;
    const argv = ['--mount', '--propagation', 'private', 'bash', '-euc', script, 'bash', `${dir}/${tree}`];
    const { stdout } = await execa('unshare', argv, { input: resourceText('stages/settle-changes.pl') });
    await commit(tree, tree);
    return stdout;
  }

  const contents = async (branch: string) => {
    const { stdout } = await execa('ostree', [`--repo=${dir}/repo`, 'ls', '-R', '-C', '-X', branch]);
    return stdout;
  };

  it('gives the tree below every change of the mount, and leaves the repository as it was', async () => {
    expect(await change('overlaid', '')).to.equal('overlay');
    expect(
      await change('copied', 'mount() { case " $* " in *" overlay "*) return 32 ;; *) command mount "$@" ;; esac; }'),
    ).to.equal('copy');
    expect((await contents('overlaid')).split('\n')).to.deep.equal((await contents('copied')).split('\n'));
    expect(await contents('overlaid'))
      .to.match(/security.capability.*\/capable/)
      .and.match(/posix_acl_default.*\/acl$/m);
    await execa('ostree', ['fsck', `--repo=${dir}/repo`]);
    const { stdout } = await execa('ls', [dir]);
    expect(stdout.split('\n')).to.deep.equal(['changes.sh', 'copied', 'overlaid', 'repo', 'tree']);
  });

  it('leaves what was only touched the repository’s own file', async () => {
    const inode = async (file: string) => (await execa('stat', ['-c', '%i %h', `${dir}/${file}`])).stdout;
    expect(await inode('overlaid/kept/touched')).to.match(/ [2-9]\d*$/);
    expect(await inode('overlaid/kept/edited')).to.match(/ 1$/);
  });
});
