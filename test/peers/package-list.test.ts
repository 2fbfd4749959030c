import { expect } from 'chai';
import { noteText } from '../../src/peers/draft.ts';
import { draftOfList } from '../../src/peers/package-list.ts';

describe('a list of packages', () => {
  const draftOf = (text: string) => draftOfList(text, 'list', { arch: 'armhf', suites: ['bookworm'] });

  it('names packages as apt-get takes them', () => {
    const { image, notes } = draftOf('# base\ndash curl\r\n\nlibc6:armhf  # here\nopenssl=3.0.*\nvim-\ng++\n');
    expect(image).to.deep.equal({
      arch: 'armhf',
      suites: ['bookworm'],
      packages: ['dash', 'curl', 'libc6', 'openssl', 'g++'],
      exclude: ['vim'],
      pins: [{ package: 'openssl', version: '3.0.*', reason: 'as in list:5' }],
    });
    expect(notes).to.deep.equal([]);
  });

  it('may be what dpkg --get-selections prints', () => {
    const { image, notes } = draftOf('adduser\tinstall\nlibc6:armhf\t\thold\nnano\tdeinstall\n');
    expect(image.packages).to.deep.equal(['adduser', 'libc6']);
    expect(notes.map(noteText)).to.deep.equal([
      'list:2: libc6:armhf was on hold: write a pin with a reason',
      'list:3: nano is not installed there, or is to go: left out',
    ]);
  });

  it('may be what dpkg -l prints', () => {
    const head =
      'Desired=Unknown/Install/Remove\n| Status=Not/Inst\n|/ Err?=(none)\n||/ Name Version\n+++-====-===-===\n';
    const { image, notes } = draftOf(
      `${head}ii  dash  0.5  armhf  POSIX shell\nrc  nano  7  armhf  editor\nhi  zsh 5 armhf shell\n`,
    );
    expect(image.packages).to.deep.equal(['dash', 'zsh']);
    expect(notes).to.have.lengthOf(2);
  });

  it('has told line by line what is no package', () => {
    const { image, notes } = draftOf('Dash\n-o\nlibc6:arm64\nopenssl=\ncurl/trixie\n../x\n');
    expect(image.packages).to.deep.equal(['openssl', 'curl']);
    expect(notes.map(({ place }) => place)).to.deep.equal(['list:1', 'list:2', 'list:3', 'list:4', 'list:5', 'list:6']);
  });
});
