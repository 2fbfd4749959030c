import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { makeDeb } from '../deb/debs.ts';
import { type Answer, lockstep } from './lockstep.ts';
import { memoryDisk } from './memory-disk.ts';
import { ostree, projectWith } from './projects.ts';
import { resolveAnyhow } from './served-suites.ts';
import { containersOf, eventually, processesWith } from './toolboxes.ts';

/** How a package's script may go wrong; each is a package of an image of its own. */
const scripts = {
  failing: 'echo about to fail; read line && echo got it; cat /etc/failing/level || exit 3',
  hanging: 'echo waiting for the service; exec sleep 4321',
  // Records what it could do, a line each.
  trying: `
. /usr/share/debconf/confmodule
db_input critical trying/colour || true
db_go || true
db_get trying/colour
exec >/etc/trying 2>/tmp/trying.errors 3>&-
echo "colour $RET"
try() { name=$1; shift; if "$@"; then echo "$name allowed"; else echo "$name refused"; fi; }
try terminal sh -c ': </dev/tty'
try outside sh -c 'echo escaped >/proc/1/root@outside@/escaped'
try cwd-of-init sh -c 'ls /proc/1/cwd/'
try disk mknod /tmp/disk b 8 0
try memory mknod /tmp/memory c 1 1
try mount mount -t tmpfs none /mnt
try kernel-setting sh -c 'cat /proc/sys/kernel/printk_ratelimit >/proc/sys/kernel/printk_ratelimit'
try remount mount -o remount,rw,bind /proc/sys
try sysrq sh -c ': >>/proc/sysrq-trigger'
try breakout perl -e 'mkdir "/tmp/b"; chroot "/tmp/b" or exit 1; chdir ".." for 1 .. 40; chroot "."; exit !-d "@outside@"'
try network sh -c 'test "$(grep -c : /proc/net/dev)" != 1'
try machine sh -c 'test -n "$(ls /sys)"'
rm -rf /tmp/b
setsid sh -c 'while :; do date >>/var/log/trying; sleep 0.1; done' >/dev/null 2>&1 </dev/null &
setsid sleep 4322 &
`,
  straying: 'echo 1 >/proc/sys/kernel/printk_ratelimit',
};

const templates = 'Template: trying/colour\nType: string\nDefault: green\nDescription: which\n Which.\n';

const yaml = `images:
  .base: {arch: amd64, suites: [bookworm], packages: [adduser]}
${Object.keys(scripts)
  .map((name) => `  ${name}: {extends: .base, debs: [dist/${name}.deb]}\n`)
  .join('')}  emulated: {extends: .base, arch: armhf, debs: [dist/trying.deb]}
`;

/** A project with the images, each package's script in a deb. */
async function project(outside: string): Promise<string> {
  const dir = await memoryDisk('scripts', 2048);
  await writeFile(path.join(dir, 'lockstep.yml'), yaml);
  await mkdir(path.join(dir, 'dist'));
  for (const [name, text] of Object.entries(scripts)) {
    const postinst = `#!/bin/sh\nset -e\n${text.replaceAll('@outside@', outside)}\n`;
    const fields = name === 'trying' ? 'Depends: debconf\n' : '';
    const control = { postinst, ...(name === 'trying' ? { templates } : {}) };
    const deb = await makeDeb({ name, fields, control, architecture: 'all' });
    await copyFile(deb.file, path.join(dir, 'dist', `${name}.deb`));
  }
  await resolveAnyhow(dir);
  return dir;
}

for (const toolbox of ['host', 'docker']) {
  describe(`a maintainer script, run by the ${toolbox} toolbox`, function () {
    this.timeout(5 * 60_000);
    let dir: string;
    /** On the machine that builds, where no script may write. */
    let outside: string;

    before(async () => {
      outside = await projectWith('outside', '');
      dir = await project(outside);
    });

    const build = (image: string, ...flags: string[]): Promise<Answer> =>
      lockstep(dir, ['build', '--toolbox', toolbox, '--image', image, '--script-timeout', '60', ...flags]);

    async function expectNothingLeft(): Promise<void> {
      const left = async () => [...(await processesWith('sleep 432[12]')), ...(await containersOf(dir))];
      await eventually(async () => (await left()).length === 0);
      expect(await left()).to.deep.equal([]);
      expect(await readdir(path.join(dir, '.lockstep/work'))).to.deep.equal([]);
    }

    it('that fails is named with its package, its last lines and what it may lack', async () => {
      const { exitCode, outcome } = await build('failing');
      expect([exitCode, outcome.code]).to.deep.equal([1, 'E_CONFIGURE']);
      expect(outcome.message).to.match(/^the postinst of failing failed:\nSetting up failing .*\nabout to fail\n/);
      expect(outcome.message).to.contain('/etc/failing/level: No such file').and.to.contain('exit status 3');
      expect(outcome.message, 'there is no answer to read').not.to.contain('got it');
      expect(outcome.hint).to.match(/without network, services or a terminal/);
      await expectNothingLeft();
    });

    it('that does not end is ended, and named with how long it had', async () => {
      const begun = performance.now();
      const { exitCode, outcome } = await build('hanging', '--script-timeout', '12');
      expect(performance.now() - begun).to.be.lessThan(60_000);
      expect([exitCode, outcome.code]).to.deep.equal([1, 'E_CONFIGURE']);
      expect(outcome.message).to.match(
        /^the postinst of hanging did not end, and configuring had 12 s:\nSetting up hang/,
      );
      expect(outcome.message).to.contain('\nwaiting for the service');
      expect(outcome.hint).to.contain('--script-timeout');
      await expectNothingLeft();
    });

    it('that changes the machine is named, with what it may not do', async () => {
      const { exitCode, outcome } = await build('straying');
      expect([exitCode, outcome.code]).to.deep.equal([1, 'E_CONFIGURE']);
      expect(outcome.message)
        .to.match(/^the postinst of straying failed:/)
        .and.to.contain('Read-only file system');
      expect(outcome.hint).to.contain('may change nothing but the image');
    });

    for (const image of toolbox === 'host' ? ['trying', 'emulated'] : ['trying']) {
      const how = image === 'emulated' ? 'in the emulator ' : '';
      it(`that is run ${how}gets the default of its question, and out of its root in no way`, async () => {
        const { outcome, stderr } = await build(image);
        expect(outcome.code, stderr).to.equal(null);
        const [{ ref }] = outcome.images as [{ ref: string }];
        const [colour, ...tried] = (await ostree(dir, 'cat', ref, '/usr/etc/trying')).split('\n');
        expect(colour).to.equal('colour green');
        expect(tried).to.have.length(12);
        expect(tried.filter((line) => !line.endsWith(' refused'))).to.deep.equal([]);
        expect(await readdir(outside)).to.deep.equal(['lockstep.yml']);
        await expectNothingLeft();
      });
    }

    it('that leaves programs running is told of, and they write no more', async () => {
      await ostree(dir, 'refs', '--delete', 'lockstep/configured');
      const { stderr, outcome } = await build('trying');
      expect(outcome.code).to.equal(null);
      expect(stderr).to.contain('a script of trying left a program running, which was ended: sleep 4322');
      expect(stderr).to.contain('left a program running, which was ended: sh -c while :; do date');
      const [{ ref }] = outcome.images as [{ ref: string }];
      expect(await ostree(dir, 'ls', '-R', ref, '/usr/share')).not.to.contain('log/trying');
    });
  });
}
