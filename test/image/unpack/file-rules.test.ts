import { expect } from 'chai';
import type { ControlFiles } from '../../../src/image/unpack/control-files.ts';
import { nameOf } from '../../../src/image/unpack/control-files.ts';
import { type PathKind, settle } from '../../../src/image/unpack/file-rules.ts';
import { sharedPaths } from '../../../src/image/unpack/shared-paths.ts';
import { errorOf } from '../../deb/debs.ts';
import { entry } from '../entries.ts';

/** What a package has: `/usr/bin/` a directory, `/usr/x -> y` a link, everything else a file. */
function having(name: string, paths: string[], fields = '', parts: Partial<ControlFiles> = {}): ControlFiles {
  const list = ['/.', ...paths.map((text) => text.replace(/ -> .*/, '').replace(/\/$/, ''))];
  const made = entry(name, fields, { list, ...parts });
  for (const text of paths) kinds.set(`${name} ${text.replace(/ -> .*/, '').replace(/\/$/, '')}`, kindOf(text));
  return made;
}

const kinds = new Map<string, PathKind>();

function kindOf(text: string): PathKind {
  const [, target] = / -> (.*)/.exec(text) ?? [];
  if (target !== undefined) return { kind: 'symlink', target };
  return { kind: text.endsWith('/') ? 'directory' : 'other' };
}

function settled(...packages: ControlFiles[]) {
  const { disputed, directories } = sharedPaths(packages);
  const kind = (claim: { entry: ControlFiles; literal: string }) =>
    kinds.get(`${nameOf(claim.entry)} ${claim.literal}`) ?? { kind: 'directory' as const };
  return settle(disputed, kind, (path) => directories.has(path));
}

const refused = (...packages: ControlFiles[]) => errorOf((async () => settled(...packages))());

describe('a path that two packages have', () => {
  it('is refused with both packages when it is a file in both', async () => {
    const error = await refused(having('aa', ['/usr/', '/usr/x']), having('bb', ['/usr/', '/usr/x']));
    expect(error.code).to.equal('E_FILE_CONFLICT');
    expect(error.message).to.contain('/usr/x').and.to.contain('aa 1 armhf').and.to.contain('bb 1 armhf');
  });

  it('is theirs together when it is a directory in both, with something in it or not', () => {
    const { after } = settled(having('aa', ['/usr/', '/usr/x/', '/usr/x/a']), having('bb', ['/usr/', '/usr/x/']));
    expect(after.size).to.equal(0);
  });

  it('is refused when it is a file under two names of one place', async () => {
    const error = await refused(having('aa', ['/bin/', '/bin/x']), having('bb', ['/usr/', '/usr/bin/', '/usr/bin/x']));
    expect(error.code).to.equal('E_FILE_CONFLICT');
    expect(error.message).to.contain('/usr/bin/x (also called /bin/x)');
  });

  it('is refused when one has a file where the other has a directory, named or not', async () => {
    const file = having('aa', ['/usr/', '/usr/x']);
    for (const other of [having('bb', ['/usr/', '/usr/x/']), having('bb', ['/usr/x/deep'])]) {
      expect((await refused(file, other)).message)
        .to.contain('/usr/x')
        .and.to.contain('a directory in one of them');
    }
  });

  it('goes to the package that replaces the other, and leaves the list of the loser', () => {
    const old = having('old', ['/usr/', '/usr/x']);
    for (const field of ['Replaces: old', 'Replaces: old (<< 2)']) {
      const heir = having('heir', ['/usr/', '/usr/x'], field);
      const { replaced, elided, after } = settled(old, heir);
      expect([...(replaced.get(old) ?? [])]).to.deep.equal([['/usr/x', heir]]);
      expect([...(elided.get(old) ?? [])]).to.deep.equal(['/usr/x']);
      expect([...after]).to.deep.equal([heir]);
    }
  });

  it('is refused when the version that is replaced is another, or Replaces names what the other provides', async () => {
    const old = having('old', ['/usr/x'], 'Provides: virtual');
    for (const field of ['Replaces: old (<< 1)', 'Replaces: virtual']) {
      expect((await refused(old, having('heir', ['/usr/x'], field))).code).to.equal('E_FILE_CONFLICT');
    }
  });

  it('stays in the list of the loser where the two call it by two names, as dpkg does not see that they are one', () => {
    const old = having('old', ['/bin/x']);
    const heir = having('heir', ['/usr/bin/x'], 'Replaces: old');
    const { replaced, elided } = settled(old, heir);
    expect([...(replaced.get(old) ?? [])]).to.deep.equal([['/bin/x', heir]]);
    expect(elided.size).to.equal(0);
  });

  it('is an obsolete conffile of the package whose conffile another has taken over', () => {
    const conffiles = { conffiles: '/etc/x\n' };
    const old = having('old', ['/etc/x'], '', conffiles);
    const { obsolete } = settled(old, having('heir', ['/etc/x'], 'Replaces: old', conffiles));
    expect([...(obsolete.get(old) ?? [])]).to.deep.equal(['/etc/x']);
  });

  it('waits for a preinst script that may divert it', () => {
    const diverter = having('aa', ['/usr/x'], '', { preinst: 'dpkg-divert --rename --package aa --add /usr/x' });
    const other = having('bb', ['/usr/x']);
    const { diverted, after } = settled(diverter, other);
    expect(diverted.map(({ entry: one, other: two }) => `${nameOf(one)} ${nameOf(two)}`)).to.have.members([
      'aa bb',
      'bb aa',
    ]);
    expect([...after]).to.deep.equal([diverter]);
  });

  it('may be a link in one to what is a directory in another, and then the link comes second', () => {
    const link = having('aa', ['/usr/doc -> share/doc']);
    const directory = having('bb', ['/usr/doc/', '/usr/doc/b', '/usr/share/', '/usr/share/doc/', '/usr/share/doc/c']);
    expect([...settled(link, directory).after]).to.deep.equal([link]);
  });

  it('may be a link to the same directory in both, but not to two', async () => {
    const place = having('cc', ['/usr/share/doc/c', '/usr/share/other/c']);
    const link = (name: string, target: string) => having(name, [`/usr/doc -> ${target}`]);
    expect(settled(link('aa', 'share/doc'), link('bb', '/usr/share/doc'), place).after.size).to.equal(0);
    expect((await refused(link('aa', 'share/doc'), link('bb', 'share/other'), place)).code).to.equal('E_FILE_CONFLICT');
    expect((await refused(link('aa', 'share/none'), link('bb', 'share/none'), place)).code).to.equal('E_FILE_CONFLICT');
  });
});
