import { access, appendFile, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { makeDeb } from '../deb/debs.ts';
import { lockstep, lockstepOk } from './lockstep.ts';
import { ostree, projectWith, resolve, temporaryDirectory } from './projects.ts';

// The machine's own architecture: what is tested has nothing to do with emulation, and takes seconds without.
const yaml = `images:
  .base:
    arch: amd64
    suites: [bookworm]
    packages: [adduser, libcap2-bin, tzdata]
    timezone: Europe/Berlin
    overlay: [overlay/]
  panel:
    extends: .base
    debs: [dist/*.deb]
    hostname: panel
    kargs: [quiet]
    overlay:
      - files.tar.zst
      - {repo: vendor, ref: vendor/files}
      - {path: secrets, manifest: secrets.mtree}
    run:
      unpacked: [scripts/early]
      configured: [scripts/middle]
      finalized: [scripts/late]
`;

const scripts = {
  early: `#!/bin/sh
set -e
test ! -e /etc/panel/level
groupadd --system --gid 350 panel
`,
  middle: `#!/bin/sh
set -e
# The overlay is here, the network is not.
grep -q tar /etc/panel/level
test "$(grep -c : /proc/net/dev)" = 1
test "$LOCKSTEP_POINT $SOURCE_DATE_EPOCH $(hostname) $(umask)" = 'configured 946684800 localhost 0022'
echo "level is $(cat /etc/panel/level)"
echo edited >>/etc/panel/level
date >/var/log/panel.log
adduser --quiet --system --group panelist
install -d -o panelist -g panelist /var/lib/panel
cp /bin/true /usr/bin/panel-ping
chgrp panel /usr/bin/panel-ping
chmod 2750 /usr/bin/panel-ping
setcap cap_net_raw+ep /usr/bin/panel-ping
`,
  late: `#!/bin/sh
set -e
test "$(cat /etc/hostname)" = panel
dpkg -s adduser | grep -q 'install ok installed'
rm -r /usr/share/doc
echo thrown away >/var/lib/gone
`,
};

describe('customising an image', function () {
  this.timeout(10 * 60_000);
  let dir: string;
  /** Outside of the root: what a link in the image leads to on the machine that builds. */
  let outside: string;
  let commit: string;

  const at = (...parts: string[]) => path.join(dir, ...parts);
  const build = async (toolbox = 'host', project = dir) => {
    const { images, outcome } = await lockstepOk(project, ['build', '--toolbox', toolbox]);
    return { outcome, commit: (images as { commit: string }[])[0]?.commit ?? '' };
  };
  const ls = async (...args: string[]) => (await ostree(dir, 'ls', ...args)).replace(/ +/g, ' ');
  const cat = (file: string) => ostree(dir, 'cat', 'panel/amd64', file);

  async function put(file: string, text: string, mode = 0o644): Promise<void> {
    await mkdir(path.dirname(at(file)), { recursive: true });
    await writeFile(at(file), text, { mode });
  }

  before(async () => {
    dir = await projectWith('customising', yaml);
    outside = await temporaryDirectory('outside');
    await put('overlay/etc/panel/level', 'directory\n');
    await put('overlay/bin/panel-hello', '#!/bin/sh\n', 0o755);
    await put('overlay/usr/share/panel-app/out/written', 'through a link of the image\n');
    await put('tree/etc/panel/level', 'tar\n');
    await put('tree/opt/panel/data', 'data\n');
    const tar = ['--create', '--zstd', '--file', at('files.tar.zst'), '--owner=:33', '--group=:44'];
    await execa('tar', [...tar, '--directory', at('tree'), './etc/panel/level', './opt']);
    await put('vendor-tree/usr/etc/vendor.conf', 'from a deployable tree\n');
    await put('vendor-tree/bin/vendor', '#!/bin/sh\n', 0o755);
    await symlink('var/home', at('vendor-tree/home'));
    await execa('ostree', ['init', `--repo=${at('vendor')}`, '--mode=bare-user']);
    const commitArgs = ['--branch=vendor/files', `--tree=dir=${at('vendor-tree')}`];
    await execa('ostree', ['commit', `--repo=${at('vendor')}`, ...commitArgs, '--owner-uid=0', '--owner-gid=0']);
    await put('secrets/etc/panel/key', 'key\n');
    await put(
      'secrets.mtree',
      './etc/panel/key uname=www-data gname=panel mode=0640\n./etc/panel type=dir mode=0711\n',
    );
    for (const [name, text] of Object.entries(scripts)) await put(`scripts/${name}`, text);
    const app = await makeDeb({
      name: 'panel-app',
      fields: 'Depends: cron\n',
      files: { 'usr/share/panel-app/version': '1\n' },
      fill: (root) => symlink(outside, path.join(root, 'usr/share/panel-app/out')),
      architecture: 'all',
    });
    await mkdir(at('dist'));
    await cp(app.file, at('dist/panel-app_1.0_all.deb'));
    await resolve(dir, '--toolbox', 'host');
    ({ commit } = await build());
  });

  it('installs debs of the project with what they depend on, pinned by their sha256', async () => {
    const lock = await readFile(at('panel.lock'), 'utf8');
    expect(lock).to.contain('\nFilename: ./dist/panel-app_1.0_all.deb\nSize: ').and.to.contain('\nPackage: cron\n');
    expect(await cat('/usr/share/panel-app/version')).to.equal('1');
    expect(await cat('/usr/lib/sysimage/dpkg/status')).to.contain('Package: panel-app\nStatus: install ok installed');
  });

  it('lays overlays over each other, the last on top', async () => {
    expect(await cat('/usr/etc/panel/level')).to.equal('tar\nedited');
    expect(await cat('/usr/etc/vendor.conf')).to.equal('from a deployable tree');
    expect(await ls('panel/amd64', '/usr/bin/panel-hello', '/usr/bin/vendor')).to.equal(
      '-00755 0 0 10 /usr/bin/panel-hello\n-00755 0 0 10 /usr/bin/vendor',
    );
    expect(await ls('-R', 'panel/amd64', '/usr/lib/opt/panel/data')).to.match(/^-00644 33 44 5 /);
  });

  it('gives owners and modes as a manifest has them, by the names of the image', async () => {
    expect(await ls('panel/amd64', '/usr/etc/panel/key')).to.equal('-00640 33 350 4 /usr/etc/panel/key');
    expect(await ls('-d', 'panel/amd64', '/usr/etc/panel')).to.equal('d00711 0 0 0 /usr/etc/panel');
  });

  it('never follows a link of the image to this machine', async () => {
    await access(outside);
    expect((await execa('find', [outside, '-type', 'f'])).stdout).to.equal('');
    expect(await ls('panel/amd64', '/usr/share/panel-app/out')).to.contain(`-> ${outside}`);
  });

  it('runs scripts where they belong, and keeps what they did', async () => {
    expect(await ls('-X', 'panel/amd64', '/usr/bin/panel-ping')).to.match(/^-02750 0 350 .*security\.capability/);
    expect(await ls('panel/amd64', '/usr/share')).not.to.match(/\/usr\/share\/doc$/m);
    expect(await ls('-R', 'panel/amd64', '/var')).to.equal('d00755 0 0 0 /var');
    expect(await cat('/usr/lib/tmpfiles.d/lockstep-var.conf')).to.match(/^d "\/var\/lib\/panel" 755 100 102 /m);
  });

  it('writes its settings', async () => {
    expect(await cat('/usr/etc/hostname')).to.equal('panel');
    expect(await ls('panel/amd64', '/usr/etc/localtime')).to.contain('-> ../usr/share/zoneinfo/Europe/Berlin');
    expect(await cat('/usr/lib/bootc/kargs.d/10-lockstep.toml')).to.equal('kargs = ["quiet"]');
  });

  it('does nothing the second time', async () => {
    expect(await build()).to.deep.equal({ outcome: 'unchanged', commit });
  });

  it('gives the same commit elsewhere, in a container', async () => {
    const other = await temporaryDirectory('customising-docker');
    await execa('cp', ['-a', `${dir}/.`, other]);
    await rm(path.join(other, '.lockstep'), { recursive: true });
    expect((await build('docker', other)).commit).to.equal(commit);
  });

  it('keeps the numbers of users and groups that the locks have', async () => {
    const [passwd, group] = [await readFile(at('panel.passwd'), 'utf8'), await readFile(at('panel.group'), 'utf8')];
    expect(passwd).to.match(/^panelist:x:100:102:/m);
    await writeFile(at('panel.passwd'), passwd.replace('panelist:x:100:102:', 'panelist:x:150:160:'));
    const moved = group.replace('panel:x:350:', 'panel:x:351:').replace('panelist:x:102:', 'panelist:x:160:');
    await writeFile(at('panel.group'), moved);
    await build();
    expect(await cat('/usr/etc/passwd')).to.match(/^panelist:x:150:160:/m);
    expect(await cat('/usr/etc/group'))
      .to.match(/^panel:x:351:/m)
      .and.to.match(/^panelist:x:160:/m);
    expect(await ls('-X', 'panel/amd64', '/usr/bin/panel-ping')).to.match(/^-02750 0 351 .*security\.capability/);
    expect(await ls('panel/amd64', '/usr/etc/panel/key')).to.match(/^-00640 33 351 /);
    expect(await cat('/usr/lib/tmpfiles.d/lockstep-var.conf')).to.match(/^d "\/var\/lib\/panel" 755 150 160 /m);
    expect(await readFile(at('panel.group'), 'utf8')).to.equal(moved);
    await ostree(dir, 'fsck', '--quiet');
    await writeFile(at('panel.passwd'), passwd);
    await writeFile(at('panel.group'), group);
    expect((await build()).commit).to.equal(commit);
  });

  it('names the script that fails, with its last words', async () => {
    await put('scripts/middle', '#!/bin/sh\necho about to fail\nno-such-program\n');
    const { outcome, exitCode } = await lockstep(dir, ['build', '--toolbox', 'host']);
    await put('scripts/middle', scripts.middle);
    expect(exitCode).to.equal(1);
    expect(outcome.code).to.equal('E_RUN');
    expect(outcome.message).to.match(/scripts\/middle failed \(run: configured, exit code 127\):\nabout to fail\n/);
    expect((await execa('findmnt', ['--list', '--noheadings', '--output', 'TARGET'])).stdout).not.to.contain(dir);
  });

  it('refuses a zone that is not there', async () => {
    await writeFile(at('lockstep.yml'), yaml.replace('Europe/Berlin', 'Europe/Berln'));
    const { outcome } = await lockstep(dir, ['build', '--toolbox', 'host']);
    await writeFile(at('lockstep.yml'), yaml);
    expect(outcome.code).to.equal('E_SETTING');
    expect(outcome.message).to.contain('there is no Europe/Berln');
  });

  it('refuses a local deb that is not the pinned one, until it is pinned', async () => {
    await appendFile(at('dist/panel-app_1.0_all.deb'), '\n');
    const { outcome } = await lockstep(dir, ['build', '--toolbox', 'host']);
    expect(outcome.code).to.equal('E_DEB_LOCAL');
    await rm(at('dist/panel-app_1.0_all.deb'));
    const newer = await makeDeb({
      name: 'panel-app',
      files: { 'usr/share/panel-app/version': '2\n' },
      architecture: 'all',
    });
    await cp(newer.file, at('dist/panel-app_1.0_all.deb'));
    expect((await lockstep(dir, ['update', '--check', '--toolbox', 'host'])).outcome.code).to.equal('E_LOCK_OUTDATED');
    await resolve(dir, '--toolbox', 'host');
    await build();
    expect(await cat('/usr/share/panel-app/version')).to.equal('2');
  });
});
