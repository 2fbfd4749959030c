import { expect } from 'chai';
import { pinMatches, preferences, unless } from '../../../src/apt/root/preferences.ts';

const pin = (version: string) => ({ package: 'openssl', version, reason: 'because', expires: null });

describe('pins', () => {
  it('become apt preferences that win over newer versions', () => {
    expect(preferences([pin('3.0.*')])).to.equal(`Package: usrmerge
Pin: release *
Pin-Priority: -1

Package: *
Pin: release l=lockstep-locked
Pin-Priority: -1

Package: openssl
Pin: version 3.0.*
Pin-Priority: 1001
`);
  });

  it('can be preceded by versions that are not to be taken, and by those that may be kept', () => {
    const [young, kept] = [
      { package: 'curl', version: '8.1-1' },
      { package: 'curl', version: '8.0-1' },
    ];
    expect(unless([young], [kept])).to.equal(`Package: curl
Pin: version 8.1-1
Pin-Priority: -1

Package: curl
Pin: version 8.0-1
Pin-Priority: 500

`);
  });

  it('stand beside a preference for the project’s own debs, where it has any', () => {
    expect(preferences([], true)).to.contain('Package: *\nPin: release l=lockstep-local\nPin-Priority: 1001\n');
    expect(preferences([])).not.to.contain('l=lockstep-local\n');
  });

  it('mean a version exactly, or as a glob', () => {
    expect(pinMatches(pin('3.0.17-1'), '3.0.17-1')).to.equal(true);
    expect(pinMatches(pin('3.0.17-1'), '3.0.17-1+b1')).to.equal(false);
    expect(pinMatches(pin('3.0.*'), '3.0.17-1')).to.equal(true);
    expect(pinMatches(pin('3.0.*'), '3x0.17-1')).to.equal(false);
    expect(pinMatches(pin('3.?.17+*'), '3.0.17+dfsg-1')).to.equal(true);
  });
});
