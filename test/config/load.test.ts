import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import { jsonSchema } from '../../src/config/schema.ts';
import type { RealDevice } from '../../src/config/types.ts';
import { complaint } from '../refusal.ts';

const panel = `images:
  panel:
    arch: armhf
    suites: [bookworm, bookworm-security]
    packages: [systemd-sysv]
`;

const parse = (text: string) => parseConfig('/project/lockstep.yml', text);

const failure = (text: string) => complaint(() => parse(text));

describe('lockstep.yml', () => {
  it('fills in defaults and makes paths absolute', () => {
    const config = parse(`${panel}    overlay: [overlay/]\ndevices:\n  virt-1: {virtual: true}\n`);
    expect(config.images[0]).to.include({ name: 'panel', mirror: null, lockfile: '/project/panel.lock' });
    expect(config.images[0]?.overlay).to.deep.equal([{ path: '/project/overlay', manifest: null }]);
    expect(config.tests).to.deep.equal({ dir: '/project/tests/device', timeoutMs: 300_000 });
    expect(config.refresh).to.include({ branch: 'lockstep/refresh', base: 'main', gate: 'run' });
  });

  it('gives a device the only image there is', () => {
    expect(parse(`${panel}devices:\n  virt-1: {virtual: true}\n`).devices[0]).to.include({
      image: 'panel',
      memory: 1024,
    });
  });

  it('resolves an identity file beside lockstep.yml', () => {
    const device = `devices:\n  bench-1: {host: h, hostKey: "SHA256:${'a'.repeat(43)}", identity: keys/id}\n`;
    expect(parse(panel + device).devices[0]).to.include({ identity: '/project/keys/id', port: null, user: null });
  });

  it('names the line of a misspelt key and the nearest right one', () => {
    const error = failure(panel.replace('packages:', 'pakages:'));
    expect(error.code).to.equal('E_CONFIG_KEY');
    expect(error.message).to.contain('lockstep.yml:5: unknown key "images.panel.pakages"; did you mean "packages"?');
    expect(error.message).to.contain('"images.panel.packages" is missing');
    expect(error.exitCode).to.equal(2);
  });

  it('names every mistake at once', () => {
    const error = failure('images:\n  panel:\n    arch: arm\n    suites: []\n    packages: [Bad_Name]\n');
    expect(error.code).to.equal('E_CONFIG_VALUE');
    expect(error.message.split('\n')).to.have.length(3);
    expect(error.message).to.match(/lockstep\.yml:3: "images\.panel\.arch"/);
    expect(error.message).to.match(/lockstep\.yml:5: "images\.panel\.packages\.0"/);
  });

  it('names the line of a misspelt key of a device', () => {
    const error = failure(`${panel}devices:\n  bench-1:\n    host: h\n    hostkey: SHA256:x\n`);
    expect(error.message).to.contain('lockstep.yml:9: unknown key "devices.bench-1.hostkey"; did you mean "hostKey"?');
  });

  it('knows how the power of a device is switched', () => {
    const device = (power: string) =>
      `devices:\n  bench-1: {host: h, hostKey: "SHA256:${'a'.repeat(43)}", power: ${power}}\n`;
    const parsed = parse(panel + device('{on: "hub on 3", off: "hub off 3", timeout: 10s}')).devices[0] as RealDevice;
    expect(parsed.power).to.deep.equal({
      on: 'hub on 3',
      off: 'hub off 3',
      cycle: null,
      timeoutMs: 10_000,
      pauseMs: 5_000,
      afterSilence: false,
    });
    const virtual = parse(`${panel}devices:\n  v: {virtual: true, power: {afterSilence: true}}\n`).devices[0];
    expect(virtual?.power).to.deep.equal({ afterSilence: true });
    expect(failure(panel + device('{on: hub}')).message).to.contain('"devices.bench-1.power": on and off, or cycle');
    expect(failure(panel + device('{cycel: hub}')).message).to.contain('did you mean "cycle"?');
  });

  it('leaves to ~/.ssh/config and known_hosts what a device does not say', () => {
    const silent = { port: null, user: null, hostKey: null, identity: null, proxyJump: null };
    expect(parse(`${panel}devices:\n  bench-1: {host: h}\n`).devices[0]).to.include(silent);
  });

  it('takes no option, user or URL for the host of a device', () => {
    for (const host of ['-oProxyCommand=x', 'root@h', 'ssh://h', 'a b']) {
      const error = failure(`${panel}devices:\n  bench-1: {host: "${host}"}\n`);
      expect(error.message, host).to.contain('"devices.bench-1.host": a name or an address');
    }
  });

  it('refuses a device of an image that is not there', () => {
    const error = failure(`${panel}devices:\n  virt-1: {virtual: true, image: panle}\n`);
    expect(error.message).to.contain('lockstep.yml:7: "devices.virt-1.image" names no image: panle');
    expect(error.hint).to.contain('panel');
  });

  it('names the line of a YAML mistake', () => {
    const error = failure('images:\n  panel: {arch: armhf\n');
    expect(error.code).to.equal('E_CONFIG_SYNTAX');
    expect(error.message).to.match(/^lockstep\.yml:\d+: /);
  });

  it('says what an empty file lacks', () => {
    expect(failure('').message).to.contain('"images" is missing');
  });

  it('refuses a pin without a reason', () => {
    const error = failure(`${panel}    pins:\n      - {package: openssl, version: 3.0.*}\n`);
    expect(error.message).to.contain('lockstep.yml:7: "images.panel.pins.0.reason" is missing');
  });

  it('refuses a pin whose version apt would take for a regular expression or a set of characters', () => {
    for (const version of ['/^3/', '3.[01].*', '3.0 ']) {
      const error = failure(`${panel}    pins:\n      - {package: openssl, version: "${version}", reason: old}\n`);
      expect([version, error.code]).to.deep.equal([version, 'E_CONFIG_VALUE']);
      expect(error.message).to.contain('lockstep.yml:7: "images.panel.pins.0.version"');
    }
  });

  it('reads the age that versions must have, none unless it is given', () => {
    expect(parse(panel).images[0]?.minimumAge).to.equal(0);
    expect(parse(`${panel}    minimumAge: 3d\n`).images[0]?.minimumAge).to.equal(3 * 86_400_000);
    expect(failure(`${panel}    minimumAge: 3 days\n`).message).to.contain('a duration such as 12h or 3d');
  });

  it('has a JSON Schema for editors that knows the keys', () => {
    expect(JSON.stringify(jsonSchema())).to.contain('"hostKey"').and.to.contain('"overlay"');
  });

  describe('signing', () => {
    const signing = (text: string) => `${panel}signing: ${text}\n`;
    const fingerprint = 'ab'.repeat(20);

    it('names a key of the user, or a file beside lockstep.yml, or a variable', () => {
      expect(parse(panel).signing).to.equal(null);
      const { signing: read } = parse(signing(`{key: ${fingerprint}, publicKey: keys/a.asc, remote: {}}`));
      expect(read).to.deep.equal({
        key: fingerprint.toUpperCase(),
        publicKey: '/project/keys/a.asc',
        passphraseFile: null,
        passphraseEnv: null,
        remote: { name: null, url: null },
      });
      expect(parse(signing('{key: keys/s.asc, publicKey: a.asc}')).signing).to.include({ key: '/project/keys/s.asc' });
      const variables = parse(signing('{key: $KEY, passphraseFile: $FILE, publicKey: a.asc}')).signing;
      expect(variables).to.include({ key: '$KEY', passphraseFile: '$FILE', remote: null });
    });

    it('names the line of a misspelt key and the nearest right one', () => {
      const text = `${panel}signing:\n  key: a.asc\n  publickey: a.asc\n  remote: {nam: x}\n`;
      expect(failure(text).message)
        .to.contain('lockstep.yml:8: unknown key "signing.publickey"; did you mean "publicKey"?')
        .and.to.contain('lockstep.yml:9: unknown key "signing.remote.nam"; did you mean "name"?');
    });

    it('wants a whole fingerprint, one passphrase, and a remote that is not lockstep’s own', () => {
      expect(failure(signing('{key: DEADBEEF, publicKey: a.asc}')).message).to.contain('a whole fingerprint');
      const twice = '{key: a, publicKey: a.asc, passphraseFile: f, passphraseEnv: E}';
      expect(failure(signing(twice)).message).to.contain('one of passphraseFile and passphraseEnv');
      expect(failure(signing('{key: a.asc, publicKey: a.asc, remote: {name: lockstep}}')).message).to.contain(
        'lockstep.yml:6: "signing.remote.name": another name',
      );
    });
  });

  it('names the line of an alias without an anchor, of aliases without end, and refuses what is nested without end', () => {
    expect(failure(panel.replace('[systemd-sysv]', '[*none]')).message).to.match(/^lockstep\.yml:5: Unresolved alias/);
    const bomb = `x: &a [y, y]\n${[...'abcdefghij'].map((name, index, all) => `${name}1: &${all[index + 1] ?? 'z'} [${`*${name}, `.repeat(9)}x]\n`).join('')}`;
    expect(failure(bomb).message).to.match(/^lockstep\.yml:2: Excessive alias count/);
    expect(failure('['.repeat(100_000)).code).to.equal('E_CONFIG_SYNTAX');
  });
});
