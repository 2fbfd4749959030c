import { expect } from 'chai';
import { infoName } from '../../../src/image/unpack/control-files.ts';
import { statusStanza } from '../../../src/image/unpack/status-stanza.ts';
import { interestFiles } from '../../../src/image/unpack/trigger-interests.ts';
import { entry } from '../entries.ts';

/** Held against the real dpkg in test/e2e/unpack.test.ts; here what packages of the archive seldom show. */
describe('a stanza of the status file', () => {
  it('has dpkg’s order of fields, its form of relations, and unknown fields last', () => {
    const fields =
      'Homepage: http://localhost\nMulti-Arch: no\ndepends: b(>=0:2) |c\nEssential: no\nDescription: x\n y\nPriority: Optional\nMaintainer: A\nPre-Depends: d\nSize: 5\nTag: t';
    expect(statusStanza(entry('a', fields))).to.equal(
      'Package: a\nStatus: install ok unpacked\nPriority: optional\nMaintainer: A\nArchitecture: armhf\nVersion: 1\n' +
        'Depends: b (>= 2) | c\nPre-Depends: d\nDescription: x\n y\nHomepage: http://localhost\nTag: t\n',
    );
  });

  it('has conffiles as new ones, and says what is obsolete or to be removed', () => {
    const made = entry('a', 'Description: x', { conffiles: '/etc/b\n/etc/a \nremove-on-upgrade /etc/gone\n' });
    expect(statusStanza(made, new Set(['/etc/a']))).to.contain(
      'Conffiles:\n /etc/b newconffile\n /etc/a newconffile obsolete\n /etc/gone newconffile remove-on-upgrade\nDescription',
    );
  });
});

describe('trigger interests', () => {
  it('are registered in the order of unpacking, each once, with the last directive', () => {
    const first = entry('zz', 'Multi-Arch: same', {
      triggers: '# comment\n interest /b \ninterest-noawait /b\ninterest named\ninterest-await other\nactivate x\n',
    });
    const second = entry('aa', '', { triggers: 'interest /a\ninterest-noawait named\n' });
    expect(interestFiles([first, second])).to.deep.equal([
      { path: 'triggers/File', content: '/b zz:armhf/noawait\n/a aa\n' },
      { path: 'triggers/named', content: 'zz:armhf\naa/noawait\n' },
      { path: 'triggers/other', content: 'zz:armhf\n' },
    ]);
  });

  it('make no file when there are none', () => {
    expect(interestFiles([entry('aa', '', { triggers: 'activate-noawait ldconfig\n' })])).to.deep.equal([]);
  });
});

describe('the files of a package in dpkg’s info directory', () => {
  it('bear its architecture only where several may be there', () => {
    expect(infoName(entry('libc6', 'Multi-Arch: same'))).to.equal('libc6:armhf');
    expect(infoName(entry('dash', 'Multi-Arch: foreign'))).to.equal('dash');
  });
});
