import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import type { SampleDeb } from '../apt/sample-deb.ts';
import { stanzaText } from '../apt/samples.ts';
import { projectWith } from './projects.ts';
import { lockstepFrom } from './tiny-project.ts';
import { underKeyring } from './under-keyring.ts';

/** A lockfile that something went wrong with: refused by whatever goes by it, with no file changed; made anew by update. */
describe('a damaged lockfile', function () {
  this.timeout(120_000);
  let archive: LoopbackArchive;
  let dir: string;
  let good: string;

  before(async () => {
    archive = await LoopbackArchive.open();
    const packages: SampleDeb[] = [
      { package: 'base', version: '1', fields: { Essential: 'yes' } },
      { package: 'app', version: '1', fields: { Depends: 'lib' } },
      { package: 'lib', version: '1' },
    ];
    await archive.publish('stable', { packages });
    const panel = { arch: 'armhf', suites: ['stable'], packages: ['app'], mirror: archive.url };
    dir = await projectWith('damaged', JSON.stringify({ images: { panel } }));
    expect((await run('update')).exitCode).to.equal(0);
    good = await readFile(path.join(dir, 'panel.lock'), 'utf8');
  });
  after(() => archive.close());

  const run = (...args: string[]) => lockstepFrom(dir, args, { wrap: underKeyring(archive.keyring) });
  const other = (text: string) => text.replaceAll('Version: 1\n', 'Version: 2\n');

  const damages: { name: string; damaged: (text: string) => string; code?: string; says: RegExp; hint?: RegExp }[] = [
    {
      name: 'that git could not merge',
      damaged: (text) => `<<<<<<< HEAD\n${text}=======\n${other(text)}>>>>>>> theirs\n`,
      says: /panel\.lock:1: a conflict marker of git/,
      hint: /run `lockstep update`/,
    },
    {
      name: 'that was cut short within a stanza',
      damaged: (text) => text.slice(0, text.lastIndexOf('Size:')),
      says: /panel\.lock:\d+: lib has no field Size/,
    },
    {
      name: 'that was cut short within its last line',
      damaged: (text) => text.trimEnd().slice(0, -10),
      says: /panel\.lock:\d+: it ends within a line: it was cut short/,
    },
    {
      name: 'that was cut short between stanzas',
      damaged: (text) => text.slice(0, text.indexOf('Package: lib')),
      code: 'E_DEPENDS_UNMET',
      says: /app .*lib/,
    },
    {
      name: 'of which the head is left',
      damaged: (text) => text.slice(0, 40),
      says: /panel\.lock:1: it holds no package/,
    },
    { name: 'that is empty', damaged: () => '', says: /panel\.lock:1: it holds no package/ },
    {
      name: 'that has two stanzas of one package',
      damaged: (text) => `${text}${stanzaText('app', '3')}\n`,
      says: /panel\.lock:\d+: app is there twice, first in line 4/,
    },
    {
      name: 'that has a stanza for another architecture',
      damaged: (text) => text.replace(/(Package: lib\nArchitecture: )all/, '$1i386'),
      code: 'E_LOCK_STALE',
      says: /lib is for i386, the image is armhf/,
    },
    {
      name: 'that has a sha256 of the wrong length',
      damaged: (text) => text.replace(/(SHA256: [0-9a-f]{40})[0-9a-f]{24}/, '$1'),
      says: /panel\.lock:\d+: SHA256 of app is "[0-9a-f]{40}", not 64 hexadecimal digits/,
    },
    {
      name: 'that names a file outside of the archive',
      damaged: (text) => text.replace('Filename: pool/main/l/', 'Filename: pool/../../../etc/'),
      says: /panel\.lock:\d+: Filename of lib is "pool\/\.\.\/.*", not a relative path without "\.\."/,
    },
    {
      name: 'that has a line which is no field',
      damaged: (text) => text.replace('Package: lib\n', 'Package: lib\nwhat is this\n'),
      says: /panel\.lock:\d+: expected "Field: value", found "what is this"/,
    },
  ];

  for (const { name, damaged, code = 'E_LOCK_SYNTAX', says, hint } of damages) {
    it(`${name} is refused, and left as it is`, async () => {
      const text = damaged(good);
      expect(text).not.to.equal(good);
      await writeFile(path.join(dir, 'panel.lock'), text);
      const files = await readdir(dir);
      const refused = await run('build', '--until', 'merge');
      expect(refused.outcome.code, refused.stderr).to.equal(code);
      expect(refused.outcome.message).to.match(says);
      expect(refused.exitCode).to.be.oneOf([1, 2]);
      if (hint !== undefined) expect(refused.outcome.hint).to.match(hint);
      expect(await readFile(path.join(dir, 'panel.lock'), 'utf8')).to.equal(text);
      expect(await readdir(dir)).to.deep.equal(files);
    });
  }

  for (const damage of damages.filter(({ code }) => code === undefined).slice(0, 2)) {
    it(`${damage.name} is made anew by update, which says so, but not by update --only`, async () => {
      const text = damage.damaged(good);
      await writeFile(path.join(dir, 'panel.lock'), text);
      const held = await run('update', '--only', 'lib');
      expect([held.exitCode, held.outcome.code]).to.deep.equal([2, 'E_LOCK_SYNTAX']);
      expect(held.outcome.hint).to.contain('without `--only`');
      const checked = await run('update', '--check');
      expect(checked.outcome.code).to.equal('E_LOCK_OUTDATED');
      expect(await readFile(path.join(dir, 'panel.lock'), 'utf8')).to.equal(text);
      const { exitCode, stderr } = await run('update');
      expect(exitCode, stderr).to.equal(0);
      expect(stderr).to.match(/made anew, as it cannot be read: .*panel\.lock:\d+: /);
      expect(await readFile(path.join(dir, 'panel.lock'), 'utf8')).to.equal(good);
    });
  }

  it('stays as it is when update cannot make it anew', async () => {
    const text = good.slice(0, -30);
    await writeFile(path.join(dir, 'panel.lock'), text);
    archive.answers.set('/debian/dists/stable/InRelease', 503).set('/debian/dists/stable/Release', 503);
    try {
      expect((await run('update')).outcome.code).to.equal('E_APT_UNREACHABLE');
    } finally {
      archive.answers.clear();
    }
    expect(await readFile(path.join(dir, 'panel.lock'), 'utf8')).to.equal(text);
  });
});
