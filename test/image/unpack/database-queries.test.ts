import { expect } from 'chai';
import { isAsked, patternsAsked } from '../../../src/image/unpack/database-queries.ts';

describe('the packages whose versions scripts have asked for', () => {
  const cases: [commandLine: string, patterns: string[]][] = [
    ['dpkg --force-confnew --configure -a', []],
    ['dpkg-divert --listpackage /bin/sh', []],
    ['/usr/bin/dpkg-trigger --no-await update-initramfs', []],
    ['dpkg-query --control-path ucf templates', []],
    ['dpkg-query -L dash', []],
    ['dpkg-query -l libc6.1-alphaev67', ['libc6.1-alphaev67']],
    ['dpkg-query -W -f ${Version} bash dpkg', ['${Version}', 'bash', 'dpkg']],
    ['dpkg-query --show', ['*']],
    ['dpkg-query bash', ['*']],
    ['perl -MDpkg /usr/bin/something', ['*']],
    ['grep Version /var/lib/dpkg/status', ['*']],
    ['', ['*']],
    ['/usr/bin/qemu-arm /usr/bin/dpkg-query -s dash', ['dash']],
    ['/usr/libexec/qemu-binfmt/arm-binfmt-P /usr/bin/dpkg-query dpkg-query -s dpkg', ['dpkg']],
    ['/usr/bin/qemu-arm-static /usr/bin/dpkg dpkg --configure dash', []],
  ];
  for (const [commandLine, patterns] of cases) {
    it(`are ${patterns.join(' ') || 'none'} after: ${commandLine || 'what could not be told'}`, () => {
      expect(patternsAsked([commandLine.split(' ')])).to.deep.equal(patterns);
    });
  }

  it('are those that match dpkg’s globs, with or without an architecture', () => {
    const matching = (pattern: string) =>
      ['libc6', 'libc-bin', 'dash', 'g++'].filter((name) => isAsked(name, [pattern]));
    expect(matching('*')).to.have.length(4);
    expect(matching('libc*')).to.deep.equal(['libc6', 'libc-bin']);
    expect(matching('libc6:armhf')).to.deep.equal(['libc6']);
    expect(matching('libc?')).to.deep.equal(['libc6']);
    expect(matching('d[ab]sh')).to.deep.equal(['dash']);
    expect(matching('g++')).to.deep.equal(['g++']);
    expect(matching('das')).to.deep.equal([]);
  });
});
