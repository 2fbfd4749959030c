import { expect } from 'chai';
import { Stanza } from '../../src/apt/deb822.ts';
import { type ControlFiles, infoName, unpackedState } from '../../src/image/dpkg-state.ts';

/** Held against the real dpkg in test/e2e/unpack.test.ts; here what dpkg does not show. */
function controlFiles(name: string, fields = '', hasPreinst = true): ControlFiles {
  const control = new Stanza(`Package: ${name}\nVersion: 1\nArchitecture: armhf\n${fields}`.trim());
  return { control, conffiles: '', triggers: '', hasPreinst };
}

describe('an unpacked root', () => {
  it('runs the preinst of what a package pre-depends on before its own', () => {
    const packages = [controlFiles('aa', 'Pre-Depends: zz (>= 1), yy | xx'), controlFiles('yy'), controlFiles('zz')];
    const order = unpackedState(packages).preinsts.map((preinst) => preinst.package);
    expect(order.indexOf('zz')).to.be.lessThan(order.indexOf('aa'));
    expect(order.indexOf('yy')).to.be.lessThan(order.indexOf('aa'));
  });

  it('makes users before anything else, and bears a circle', () => {
    const packages = [
      controlFiles('aa', 'Pre-Depends: bb'),
      controlFiles('bb', 'Pre-Depends: aa'),
      controlFiles('base-passwd'),
    ];
    const order = unpackedState(packages).preinsts.map((preinst) => preinst.package);
    expect(order[0]).to.equal('base-passwd');
    expect(order).to.have.members(['aa', 'bb', 'base-passwd']);
  });

  it('configures the essential packages first, with what they depend on, provided by others included', () => {
    const packages = [
      controlFiles('base-files', 'Essential: yes\nPre-Depends: awk'),
      controlFiles('mawk', 'Provides: awk\nDepends: libc6 (>= 2.34)'),
      controlFiles('libc6', 'Multi-Arch: same'),
      controlFiles('systemd', 'Depends: libc6'),
    ];
    expect(unpackedState(packages).essential).to.have.members(['base-files', 'mawk', 'libc6:armhf']);
  });

  it('names the files of a package with its architecture only where several may be there', () => {
    expect(infoName(controlFiles('libc6', 'Multi-Arch: same'))).to.equal('libc6:armhf');
    expect(infoName(controlFiles('dash', 'Multi-Arch: foreign'))).to.equal('dash');
  });
});
