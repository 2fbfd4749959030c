import { expect } from 'chai';
import { formatCapabilities } from '../../../src/image/diff/capabilities.ts';
import { compareImages, type ImageContents } from '../../../src/image/diff/compare.ts';
import { placesOf } from '../../../src/image/diff/places.ts';
import { parseTree, type TreeEntry } from '../../../src/ostree/tree.ts';

const file = (given: Partial<TreeEntry> = {}): TreeEntry => ({
  ...{ kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, checksum: 'a', target: '', capability: null },
  ...given,
});

function contents(
  entries: Record<string, TreeEntry>,
  {
    versions = {},
    owners = {},
    conffiles = [] as string[],
  }: Partial<Record<'versions' | 'owners', Record<string, string>>> & { conffiles?: string[] } = {},
): ImageContents {
  return {
    tree: new Map(Object.entries(entries)),
    database: {
      versions: new Map(Object.entries(versions)),
      owners: new Map(Object.entries(owners)),
      conffiles: new Set(conffiles),
    },
  };
}

describe('a listing of a commit', () => {
  const checksum = 'a'.repeat(64);

  it('is read with owners, modes, link targets and capabilities', () => {
    const bytes =
      '0x01, 0x00, 0x00, 0x02, 0x00, 0x30, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00';
    const tree = parseTree(
      [
        `d00755 0 0      0 ${checksum} ${'b'.repeat(64)} { @a(ayay) [] } /`,
        `l00777 0 0      0 ${checksum} { @a(ayay) [] } /bin -> usr/bin`,
        `-04755 0 106  30112 ${checksum} { [(b'security.capability', [byte ${bytes}])] } /usr/bin/a -> b`,
        `-00644 0 0      2 ${checksum} { @a(ayay) [] } /a`,
        'name { of } two lines',
        '',
      ].join('\n'),
    );
    expect([...tree.keys()]).to.deep.equal(['/', '/bin', '/usr/bin/a -> b', '/a\nname { of } two lines']);
    expect(tree.get('/')).to.include({ kind: 'directory', mode: 0o755 });
    expect(tree.get('/bin')).to.include({ kind: 'symlink', target: 'usr/bin' });
    const privileged = tree.get('/usr/bin/a -> b');
    expect(privileged).to.include({ kind: 'file', mode: 0o4755, gid: 106, size: 30112, checksum });
    expect(formatCapabilities(privileged?.capability ?? Buffer.alloc(0))).to.equal('cap_net_admin,cap_net_raw=ep');
  });
});

describe('the difference of two images', () => {
  it('names what was added, removed and changed, and in what', () => {
    const before = contents({ '/gone': file(), '/mode': file(), '/text': file(), '/same': file(), '/type': file() });
    const after = contents({
      '/mode': file({ mode: 0o600, checksum: 'b' }),
      '/new': file({ size: 7 }),
      '/same': file(),
      '/text': file({ checksum: 'b' }),
      '/type': file({ kind: 'symlink', checksum: 'b' }),
    });
    const { files } = compareImages(before, after);
    expect(files.map(({ path, kind, what }) => [path, kind, ...what])).to.deep.equal([
      ['/gone', 'removed'],
      ['/mode', 'changed', 'mode'],
      ['/new', 'added'],
      ['/text', 'changed', 'content'],
      ['/type', 'changed', 'type'],
    ]);
    expect(files[2]).to.include({ from: 0, to: 7, package: null });
  });

  it('leaves out directories of which only the contents changed', () => {
    const directory = (given: Partial<TreeEntry>) => file({ kind: 'directory', size: 0, ...given });
    const before = contents({ '/a': directory({ checksum: 'a' }), '/b': directory({ mode: 0o755 }) });
    const after = contents({ '/a': directory({ checksum: 'b' }), '/b': directory({ mode: 0o700 }) });
    expect(compareImages(before, after).files.map(({ path }) => path)).to.deep.equal(['/b']);
  });

  it('gives packages with their versions, and their sizes with the largest change first', () => {
    const before = contents(
      { '/a': file({ size: 10 }), '/b': file({ size: 10 }), '/c': file({ size: 5 }) },
      { versions: { one: '1.0', two: '2.0' }, owners: { '/a': 'one', '/b': 'two' } },
    );
    const after = contents(
      { '/a': file({ size: 12, checksum: 'b' }), '/c': file({ size: 1, checksum: 'b' }) },
      { versions: { one: '1.1' }, owners: { '/a': 'one' } },
    );
    const { packages, sizes, size, files } = compareImages(before, after);
    expect(packages).to.deep.equal([
      { package: 'one', from: '1.0', to: '1.1', kind: 'upgraded' },
      { package: 'two', from: '2.0', to: null, kind: 'removed' },
    ]);
    expect(sizes).to.deep.equal([
      { package: 'two', from: 10, to: 0 },
      { package: null, from: 5, to: 1 },
      { package: 'one', from: 10, to: 12 },
    ]);
    expect(size).to.deep.equal({ from: 25, to: 13 });
    expect(files.find(({ path }) => path === '/b')?.package).to.equal('two');
  });

  it('shows every right that a file gained or lost', () => {
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    const before = contents({ '/lost': file({ mode: 0o4755 }), '/kept': file({ mode: 0o4755 }), '/cap': file() });
    const after = contents({
      '/lost': file({ mode: 0o755 }),
      '/kept': file({ mode: 0o4755, checksum: 'b' }),
      '/cap': file({ capability, checksum: 'b' }),
      '/new': file({ mode: 0o6755, gid: 42 }),
      '/directory': file({ kind: 'directory', mode: 0o2775 }),
    });
    expect(compareImages(before, after).privileges).to.deep.equal([
      { path: '/cap', package: null, from: null, to: 'cap_net_raw=ep' },
      { path: '/lost', package: null, from: 'setuid root', to: null },
      { path: '/new', package: null, from: null, to: 'setuid root, setgid 42' },
    ]);
  });

  it('picks out units and configuration files', () => {
    const after = contents(
      {
        '/usr/lib/systemd/system/a.service': file(),
        '/usr/etc/systemd/system/multi-user.target.wants/a.service': file({ kind: 'symlink' }),
        '/usr/lib/systemd/user/b.socket.d/x.conf': file(),
        '/usr/lib/systemd/systemd': file(),
        '/usr/etc/a.conf': file(),
        '/usr/etc/made': file(),
      },
      { conffiles: ['/usr/etc/a.conf'] },
    );
    const { units, conffiles } = compareImages(contents({}), after);
    expect(units.map(({ unit, manager, kind }) => `${kind} ${manager} ${unit}`)).to.have.members([
      'added system a.service',
      'added system multi-user.target.wants/a.service',
      'added user b.socket.d/x.conf',
    ]);
    expect(conffiles.map(({ path }) => path)).to.deep.equal(['/usr/etc/a.conf']);
  });
});

describe('the place of a packaged file in a commit', () => {
  it('is where finalize moves it', () => {
    expect(placesOf('/etc/ssh/ssh_config')).to.include('/usr/etc/ssh/ssh_config');
    expect(placesOf('/lib/systemd/systemd')).to.include('/usr/lib/systemd/systemd');
    expect(placesOf('/sbin/init')).to.include('/usr/sbin/init');
    expect(placesOf('/boot/System.map-6.1.0-50-armmp')).to.include('/usr/lib/modules/6.1.0-50-armmp/System.map');
    expect(placesOf('/usr/lib/linux-image-6.1/a.dtb')).to.include('/usr/lib/modules/6.1/dtb/a.dtb');
    expect(placesOf('/opt/acme/run')).to.include('/usr/lib/opt/acme/run');
    expect(placesOf('/var/lib/x')).to.include('/usr/share/factory/var/lib/x');
    expect(placesOf('remove-on-upgrade /etc/old')).to.include('/usr/etc/old');
    expect(placesOf('')).to.deep.equal([]);
  });
});
