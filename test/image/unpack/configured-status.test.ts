import { expect } from 'chai';
import { changedPackages, configuredAgain, decisiveStatus } from '../../../src/image/unpack/configured-status.ts';

const stanza = (name: string, version: string, more: Record<string, string> = {}) =>
  Object.entries({ Package: name, Status: 'install ok unpacked', Version: version, ...more })
    .map(([field, value]) => `${field}:${value.startsWith('\n') ? '' : ' '}${value}\n`)
    .join('');
const file = (...stanzas: string[]) => stanzas.map((text) => `${text}\n`).join('');

const client = (version: string) =>
  stanza('client', version, { Depends: `server (= ${version}), libc6 (>= 2.36)`, Description: `of ${version}` });
const server = (version: string, conffiles = 'newconffile') =>
  stanza('server', version, { Conffiles: `\n /etc/server ${conffiles}`, Description: 'serves' });
const libc = (version: string) => stanza('libc6', version);

describe('what a status file tells dpkg when it configures', () => {
  const before = decisiveStatus(file(client('1'), libc('2.36'), server('1')));

  it('is the same when packages have another version, and others depend on just that', () => {
    expect(decisiveStatus(file(client('2'), libc('2.37'), server('2')))).to.equal(before);
  });

  it('differs by what packages depend on otherwise', () => {
    const other = client('1').replace('2.36', '2.37');
    expect(decisiveStatus(file(other, libc('2.36'), server('1')))).to.not.equal(before);
    expect(decisiveStatus(file(client('1').replace('Depends', 'Pre-Depends'), libc('2.36'), server('1')))).to.not.equal(
      before,
    );
  });

  it('differs by conffiles and by what is essential', () => {
    const essential = libc('2.36').replace('Status', 'Essential: yes\nStatus');
    expect(decisiveStatus(file(client('1'), essential, server('1')))).to.not.equal(before);
    expect(
      decisiveStatus(file(client('1'), libc('2.36'), server('1', 'newconffile\n /etc/more newconffile'))),
    ).to.not.equal(before);
  });
});

describe('the packages that have changed in a status file', () => {
  it('are those whose stanzas have', () => {
    expect(changedPackages(file(client('1'), libc('1')), file(client('2'), libc('1')))).to.deep.equal(['client']);
  });

  it('are not to be told when some came or went', () => {
    expect(changedPackages(file(client('1')), file(client('1'), libc('1')))).to.equal(null);
    expect(changedPackages(file(client('1'), libc('1')), file(client('1')))).to.equal(null);
  });
});

describe('the status file after configuring, from that of another version', () => {
  const configured = (text: string) =>
    text.replaceAll('ok unpacked', 'ok installed').replaceAll('newconffile', 'd41d8cd98f00');
  const before = file(client('1'), libc('1'), server('1'));

  it('is the one that configuring would have left', () => {
    const now = file(client('2'), libc('1'), server('2'));
    expect(configuredAgain(before, configured(before), now)).to.equal(configured(now));
  });

  it('is none when a package has fields of another kind or in another order', () => {
    const more = file(client('1'), stanza('libc6', '2', { Source: 'glibc' }), server('1'));
    expect(configuredAgain(before, configured(before), more)).to.equal(null);
  });

  it('is none when configuring has changed what differs now', () => {
    const now = file(client('1'), libc('1'), server('2', 'newconffile obsolete'));
    expect(configuredAgain(before, configured(before), now)).to.equal(null);
  });
});
