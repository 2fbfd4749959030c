import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import { noteText } from '../../src/peers/draft.ts';
import { draftOfMultistrap } from '../../src/peers/multistrap.ts';
import { including, parseMultistrap } from '../../src/peers/multistrap-file.ts';
import { projectText } from '../../src/peers/project-text.ts';
import { refusal } from '../refusal.ts';

const conf = `# for the bench
[General]
arch=armhf
noauth=true
cleanup=true
Bootstrap=Debian Security Vendor
aptsources=Debian
colour=green

[Debian]
packages=ifupdown openssh-server
packages=dbus=1.14.* vim-
source=http://mirror.example.org/debian
keyring=debian-archive-keyring
suite=bookworm
components=main contrib
additional=less

[Security]
packages=openssl/bookworm-security  ifupdown
source=http://security.example.net/debian-security
suite=bookworm-security

[Vendor]
packages=acme-agent
source=https://debs.example.com/acme
keyring=acme-keyring
suite=stable

[Extra]
packages=gdb
source=http://mirror.example.org/debian
suite=bookworm
what is this
`;

describe('a multistrap.conf', () => {
  const draftOf = (text: string) => draftOfMultistrap(parseMultistrap(text, 'm.conf'), 'm.conf');
  const reading = (text: string) =>
    refusal(
      Promise.resolve().then(() => draftOf(text)),
      'E_USAGE',
    );

  it('becomes an image of the sections that are bootstrapped', () => {
    expect(draftOf(conf).image).to.deep.equal({
      arch: 'armhf',
      suites: ['bookworm', 'bookworm-security'],
      components: ['main', 'contrib'],
      mirror: 'http://mirror.example.org/debian',
      packages: ['ifupdown', 'openssh-server', 'dbus', 'openssl'],
      exclude: ['vim'],
      pins: [{ package: 'dbus', version: '1.14.*', reason: 'as in m.conf:12' }],
    });
  });

  it('has what cannot be carried over told line by line', () => {
    const notes = draftOf(conf).notes.map(noteText);
    expect(notes.map((text) => /^m\.conf:(\d+): /.exec(text)?.[1])).to.deep.equal([
      ...['4', '7', '8', '17', '20', '21', '24', '30', '34'],
    ]);
    expect(notes[0]).to.equal('m.conf:4: noauth=true is left out: signatures are checked always');
    expect(notes[2]).to.equal('m.conf:8: colour=green is left out: it is not known');
    expect(notes[5]).to.include('http://mirror.example.org/debian-security, not from http://security.example.net');
    expect(notes[6]).to.include('acme-keyring').and.include('its packages are left out until then: acme-agent');
    expect(notes[8]).to.equal('m.conf:34: not understood: what is this');
  });

  it('is read with the one that it includes, and says more', () => {
    const base = parseMultistrap('[General]\narch=amd64\n[Debian]\nsuite=bookworm\npackages=dash\n', 'base.conf');
    const draft = draftOfMultistrap(including(base, parseMultistrap('[general]\narch=armhf\n', 'm.conf')), 'm.conf');
    expect(draft.image)
      .to.include({ arch: 'armhf' })
      .and.deep.include({ packages: ['dash'] });
  });

  it('without the required packages is one whose base are its own', () => {
    const text = '[General]\narch=armhf\nomitrequired=true\n[D]\nsuite=bookworm\npackages=busybox dash\n';
    expect(draftOf(text).image).to.deep.include({ base: ['busybox'], packages: ['busybox', 'dash'] });
  });

  it('is refused when nothing could be built of it', async () => {
    expect((await reading('[General]\narch=mipsel\n')).message).to.include('is for mipsel');
    expect((await reading('')).message).to.include('names no architecture');
    expect((await reading('[General]\narch=armhf\n')).message).to.include('no section');
    expect((await reading('[General]\narch=armhf\n[D]\nsuite=bookworm\n')).message).to.include('names a package');
  });

  it('becomes a lockstep.yml that is read without complaint, with the notes as comments', () => {
    const text = projectText(draftOf(conf), { name: 'gate', from: 'm.conf' });
    const [image] = parseConfig('/p/lockstep.yml', text).images;
    expect(image).to.include({ name: 'gate', arch: 'armhf', mirror: 'http://mirror.example.org/debian' });
    expect(image?.pins[0]).to.include({ package: 'dbus', version: '1.14.*' });
    expect(text)
      .to.match(/^# Written by `lockstep init` from m\.conf\.\n/)
      .and.include('\n# m.conf:34: not understood');
  });
});
