import { expect } from 'chai';
import { parseAptSources } from '../../src/peers/apt-sources.ts';
import { draftOfDevice } from '../../src/peers/device-draft.ts';
import { noteText } from '../../src/peers/draft.ts';
import { type LiveDevice, remotesIn } from '../../src/peers/live-device.ts';
import { refusal } from '../refusal.ts';

const stanza = (name: string, more = '', arch = 'armhf', state = 'install ok installed') =>
  `Package: ${name}\nStatus: ${state}\nArchitecture: ${arch}\nVersion: 1.0-1\n${more}\n`;

const status = [
  stanza('libc6'),
  stanza('dash', 'Essential: yes\nPre-Depends: libc6\n'),
  stanza('mawk', 'Provides: awk\nDepends: libc6\n'),
  stanza('openssh-server', 'Depends: libc6, awk\n'),
  stanza('curl', 'Depends: libc6\n', 'armhf', 'hold ok installed'),
  stanza('adduser', '', 'all'),
  stanza('libz', '', 'amd64'),
  stanza('nano', '', 'armhf', 'deinstall ok config-files'),
].join('');

const sources = [
  ...parseAptSources(
    '# deb http://x/ y main\ndeb http://mirror.example.org/debian bookworm main non-free # own\n' +
      'deb-src http://mirror.example.org/debian bookworm main\n' +
      'deb [arch=armhf signed-by=/k.gpg] https://debs.example.com stable main\n',
    '/etc/apt/sources.list',
  ),
  ...parseAptSources(
    'Types: deb deb-src\nURIs: http://mirror.example.org/debian\nSuites: bookworm-updates bookworm-security\n' +
      'Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\nTypes: deb\nEnabled: no\nURIs: http://off\n' +
      'Suites: bookworm\nComponents: main\n',
    '/etc/apt/sources.list.d/debian.sources',
  ),
];

const device: LiveDevice = {
  name: 'bench-1',
  status,
  osRelease: 'ID=debian\nVERSION_CODENAME=bookworm\n',
  automatic: null,
  sources,
  remotes: [{ name: 'panel', url: 'https://ostree.example.com/repo' }],
};

describe('a live device', () => {
  it('becomes an image of what nothing else there needs, from the suites of its apt', () => {
    expect(draftOfDevice(device).image).to.deep.equal({
      arch: 'armhf',
      suites: ['bookworm', 'bookworm-updates', 'bookworm-security'],
      components: ['main', 'non-free'],
      mirror: 'http://mirror.example.org/debian',
      packages: ['adduser', 'curl', 'openssh-server'],
    });
  });

  it('is asked what apt has installed for other packages', () => {
    const { packages } = draftOfDevice({ ...device, automatic: new Set(['adduser']) }).image;
    expect(packages).to.deep.equal(['curl', 'openssh-server']);
  });

  it('has what cannot be carried over told', () => {
    const notes = draftOfDevice(device).notes.map(noteText);
    expect(notes).to.have.lengthOf(5);
    expect(notes[0]).to.match(/^\/etc\/apt\/sources\.list:4: signed by \/k\.gpg: copy that to a FILE/);
    expect(notes[1]).to.equal('bench-1: libz is for amd64, not armhf: left out');
    expect(notes[2]).to.include('curl 1.0-1 is on hold there');
    expect(notes[3]).to.include('remote: {name: panel, url: "https://ostree.example.com/repo"}');
  });

  it('without sources for apt gets the usual suites of its release, and says so', () => {
    const { image, notes } = draftOfDevice({ ...device, sources: [] });
    expect(image.suites).to.deep.equal(['bookworm', 'bookworm-updates', 'bookworm-security']);
    expect(notes.map(noteText)[0]).to.include('no sources of its release');
  });

  it('of another architecture is refused', async () => {
    const foreign = { ...device, status: stanza('libc6', '', 'riscv64') };
    const error = await refusal(
      Promise.resolve().then(() => draftOfDevice(foreign)),
      'E_USAGE',
    );
    expect(error.message).to.include('riscv64');
  });

  it('has its ostree remotes read with their URLs', () => {
    expect(remotesIn('panel  https://x/repo\nother file:///srv/repo\n')).to.deep.equal([
      { name: 'panel', url: 'https://x/repo' },
      { name: 'other', url: 'file:///srv/repo' },
    ]);
  });
});
