import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import { complaint } from '../refusal.ts';

const parse = (text: string) => parseConfig('/project/lockstep.yml', text);

const failure = (text: string) => complaint(() => parse(text));

const base = `images:
  .base:
    arch: armhf
    suites: [bookworm]
    packages: [systemd-sysv, dbus]
    overlay: [common/]
    kargs: [quiet]
    pins: [{package: openssl, version: 3.0.*, reason: old}, {package: dbus, version: 1.*, reason: old}]
    run: {configured: [scripts/units]}
    timezone: Europe/Berlin
`;

describe('an image that extends another', () => {
  it('adds to its lists, and replaces its suites and what is no list', () => {
    const [panel] = parse(`${base}  panel:
    extends: .base
    suites: [trixie]
    packages: [openssh-server, dbus]
    overlay: [panel.tar.zst, {ref: vendor/files}, {path: more, manifest: more.mtree}]
    debs: [dist/*.deb]
    pins: [{package: openssl, version: 3.5.*, reason: new}]
    run: {configured: [scripts/panel], finalized: [scripts/check]}
    timezone: Etc/UTC
`).images;
    expect(panel).to.deep.include({ name: 'panel', arch: 'armhf', suites: ['trixie'], timezone: 'Etc/UTC' });
    expect(panel).to.deep.include({ packages: ['systemd-sysv', 'dbus', 'openssh-server'], kargs: ['quiet'] });
    expect(panel?.overlay).to.deep.equal([
      { path: '/project/common', manifest: null },
      { path: '/project/panel.tar.zst', manifest: null },
      { ref: 'vendor/files', repo: null },
      { path: '/project/more', manifest: '/project/more.mtree' },
    ]);
    expect(panel?.pins.map((pin) => `${pin.package} ${pin.version}`)).to.deep.equal(['dbus 1.*', 'openssl 3.5.*']);
    expect(panel?.run).to.deep.equal({
      unpacked: [],
      configured: ['/project/scripts/units', '/project/scripts/panel'],
      finalized: ['/project/scripts/check'],
    });
    expect(panel).to.include({ passwd: '/project/panel.passwd', group: '/project/panel.group' });
  });

  it('may be extended in turn, and the order in the file does not matter', () => {
    const images = parse(`images:
  kiosk: {extends: panel, packages: [cage]}
  panel: {extends: .base, packages: [seatd]}
${base.replace('images:\n', '')}`).images;
    expect(images.map(({ name }) => name)).to.deep.equal(['kiosk', 'panel']);
    expect(images[0]?.packages).to.deep.equal(['systemd-sysv', 'dbus', 'seatd', 'cage']);
    expect(images[1]?.packages).to.deep.equal(['systemd-sysv', 'dbus', 'seatd']);
  });

  it('names a base that is not there, with its line and the nearest name', () => {
    const error = failure(`${base}  panel:\n    extends: .bsae\n`);
    expect(error.code).to.equal('E_CONFIG_VALUE');
    expect(error.message).to.equal('lockstep.yml:12: "images.panel.extends" names no image: .bsae');
    expect(error.hint).to.equal('did you mean .base?');
    expect(failure(`${base}  panel: {extends: constructor}\n`).message).to.contain('names no image');
  });

  it('names a circle, with a line of it', () => {
    const error = failure(`${base}  a: {extends: c}\n  b:\n    extends: a\n  c: {extends: b}\n`);
    expect(error.code).to.equal('E_CONFIG_VALUE');
    expect(error.message).to.match(/^lockstep\.yml:13: .* goes in a circle: a extends c extends b extends a$/);
    expect(failure(`${base}  a: {extends: a}\n`).message).to.contain('a extends a');
  });

  it('says what neither it nor its base has', () => {
    const error = failure('images:\n  .base: {arch: armhf}\n  panel:\n    extends: .base\n    packages: [dash]\n');
    expect(error.code).to.equal('E_CONFIG_KEY');
    expect(error.message).to.equal('lockstep.yml:3: "images.panel.suites" is missing');
  });

  it('is not the only kind: a base alone is nothing to build', () => {
    expect(failure(base).message).to.contain('at least one image');
  });

  it('cannot be run by a device when it is a base', () => {
    const error = failure(`${base}  panel: {extends: .base}\ndevices:\n  v: {virtual: true, image: .base}\n`);
    expect(error.message).to.contain('"devices.v.image" names no image: .base');
  });
});

describe('what images are made of', () => {
  it('is refused with the line when it cannot be', () => {
    const wrong = (line: string) => failure(`${base}  panel:\n    extends: .base\n    ${line}\n`).message;
    expect(wrong('debs: [/srv/x.deb]')).to.contain('lockstep.yml:13: "images.panel.debs.0"');
    expect(wrong('debs: [../x.deb]')).to.contain('a path below lockstep.yml');
    expect(wrong('overlay: [{rev: x}]')).to.contain('{path, manifest}');
    expect(wrong('run: {configurd: [x]}')).to.contain('did you mean "configured"?');
    expect(wrong('hostname: -a')).to.contain('a host name');
    expect(wrong('timezone: ../../etc/passwd')).to.contain('a time zone');
    expect(wrong('kargs: ["a b"]')).to.contain('one kernel argument');
  });
});
