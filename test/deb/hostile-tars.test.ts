import { expect } from 'chai';
import { errorOf } from './debs.ts';
import { type Member, readTree, resum, tarOf } from './tars.ts';

describe('DataTree, of a tar that no image can be made of,', () => {
  const refused: [what: string, code: string, members: Member[], path: string][] = [
    ['an absolute path', 'E_DEB_HOSTILE', [{ name: '/etc/passwd' }], '"/etc/passwd"'],
    ['a path that climbs out', 'E_DEB_HOSTILE', [{ name: './usr/../../etc/passwd' }], '"./usr/../../etc/passwd"'],
    [
      'a hard link to outside',
      'E_DEB_HOSTILE',
      [{ name: './x', type: 'link', linkname: '/etc/shadow' }],
      '"/etc/shadow"',
    ],
    ['a hard link that climbs', 'E_DEB_HOSTILE', [{ name: './x', type: 'link', linkname: '../x' }], '"../x"'],
    [
      'a file behind a symbolic link of the same deb',
      'E_DEB_HOSTILE',
      [{ name: './out', type: 'symlink', linkname: '/etc' }, { name: './out/passwd' }],
      '"./out"',
    ],
    [
      'a file behind such a link after the merge',
      'E_DEB_HOSTILE',
      [{ name: './usr/lib/out', type: 'symlink', linkname: '/etc' }, { name: './lib/out/passwd' }],
      '"./usr/lib/out"',
    ],
    ['a /lib that leads elsewhere', 'E_DEB_HOSTILE', [{ name: './lib', type: 'symlink', linkname: '/tmp' }], '"./lib"'],
    ['a device', 'E_DEB_FORMAT', [{ name: './dev/sda', type: 'block-device' }], '"./dev/sda"'],
    ['a fifo', 'E_DEB_FORMAT', [{ name: './pipe', type: 'fifo' }], '"./pipe"'],
    ['a line break in a name', 'E_DEB_FORMAT', [{ name: './a\n/etc/forged' }], '"./a\\n/etc/forged"'],
    ['a file that comes twice', 'E_DEB_HOSTILE', [{ name: './a' }, { name: './a' }], '"./a"'],
    [
      'a link that comes twice',
      'E_DEB_HOSTILE',
      [
        { name: './a', type: 'symlink', linkname: 'b' },
        { name: './a', type: 'symlink', linkname: 'c' },
      ],
      '"./a"',
    ],
    ['a file below a file', 'E_DEB_HOSTILE', [{ name: './a' }, { name: './a/b' }], '"./a/b"'],
    [
      'a hard link to what the deb does not hold',
      'E_DEB_HOSTILE',
      [{ name: './x', type: 'link', linkname: './etc/shadow' }],
      '"./x"',
    ],
    [
      'a directory where a symbolic link was',
      'E_DEB_HOSTILE',
      [
        { name: './out', type: 'symlink', linkname: '/etc' },
        { name: './out/', type: 'directory' },
      ],
      '"./out"',
    ],
    [
      'a file behind a hard link to a symbolic link',
      'E_DEB_HOSTILE',
      [
        { name: './out', type: 'symlink', linkname: '/etc' },
        { name: './again', type: 'link', linkname: './out' },
        { name: './again/passwd' },
      ],
      '"./again"',
    ],
    ['a name longer than any', 'E_DEB_FORMAT', [{ name: `./a/${'x'.repeat(256)}` }], '256 bytes'],
    ['a NUL in a name', 'E_DEB_FORMAT', [{ name: './a', pax: { path: './a\0b' } }], 'NUL'],
    [
      'a link to a path longer than any',
      'E_DEB_FORMAT',
      [{ name: './x', type: 'symlink', linkname: '/t'.repeat(2048) }],
      '"./x" is a link to a path of 4096 bytes',
    ],
    [
      'a link to nothing',
      'E_DEB_FORMAT',
      [{ name: './x', type: 'symlink', linkname: 'y', pax: { linkpath: '' } }],
      '"./x" is a link to nothing',
    ],
    ['a path longer than any', 'E_DEB_FORMAT', [{ name: `./${'long/'.repeat(900)}x` }], '4503 bytes'],
    [
      'a link where a directory was',
      'E_DEB_FORMAT',
      [{ name: './a/b' }, { name: './a', type: 'symlink', linkname: 'c' }],
      '"./a"',
    ],
  ];
  for (const [what, code, members, named] of refused) {
    it(`refuses ${what}, and names package and path`, async () => {
      const error = await errorOf(tarOf(...members).then((tar) => readTree(tar)));
      expect(error.code).to.equal(code);
      expect(error.message).to.contain(named).and.to.contain('sample 1.0 armhf');
    });
  }

  it('refuses a name that is not UTF-8, which ostree cannot hold', async () => {
    const tar = await tarOf({ name: './x' });
    tar[2] = 0xe4;
    resum(tar);
    const error = await errorOf(readTree(tar));
    expect(error.code).to.equal('E_DEB_FORMAT');
    expect(error.message).to.contain('2e2fe4');
  });

  it('refuses a tar that is damaged or breaks off in a member', async () => {
    const tar = await tarOf({ name: './x' }, { name: './y' });
    const damaged = Buffer.from(tar);
    damaged[1024 + 3] = 1;
    expect((await errorOf(readTree(damaged))).code).to.equal('E_DEB_FORMAT');
    expect((await errorOf(readTree(tar.subarray(0, 700)))).code).to.equal('E_DEB_FORMAT');
  });
});
