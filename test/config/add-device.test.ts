import { expect } from 'chai';
import { withDevice } from '../../src/config/add-device.ts';
import { LockstepError } from '../../src/errors/index.ts';

describe('a device that is added to lockstep.yml', () => {
  const hostKey = `SHA256:${'a+/'.repeat(14)}a`;
  const bench = { host: 'panel-7.lab', port: null, user: null, hostKey, image: null };
  const line = `bench-1: {host: panel-7.lab, hostKey: "${hostKey}"}`;
  const added = (text: string) => withDevice(text, 'bench-1', bench);

  it('stands after the last one, with comments, order and layout of the rest as they were', () => {
    const text = `# ours
devices:   # the bench
    virt-1: {virtual: true,   image: 'panel'}   # the fast one
    old:
        host: old.lab
        labels: [ armv7,
                  gpu ]   # two

# what we build
images:
    panel: {arch: armhf}
`;
    const expected = text.replace('gpu ]   # two\n', `gpu ]   # two\n    ${line}\n`);
    expect(added(text)).to.equal(expected);
  });

  it('is the first one where there are none', () => {
    expect(added('images: {}\n')).to.equal(`images: {}\n\ndevices:\n  ${line}\n`);
    expect(added('images: {}')).to.equal(`images: {}\n\ndevices:\n  ${line}\n`);
    expect(added('devices:\n  # bench-1: {host: x}\nimages: {}\n')).to.equal(
      `devices:\n  ${line}\n  # bench-1: {host: x}\nimages: {}\n`,
    );
    expect(added('devices: # none yet')).to.equal(`devices: # none yet\n  ${line}\n`);
  });

  it('goes into braces where the others are in braces', () => {
    expect(added('devices: {}\nimages: {}\n')).to.equal(`devices: {${line}}\nimages: {}\n`);
    expect(added('devices: {v: {virtual: true}}\n')).to.equal(`devices: {v: {virtual: true}, ${line}}\n`);
  });

  it('is written so that YAML reads what was meant', () => {
    const odd = { host: 'fe80::1', port: 2222, user: 'true', hostKey, image: '1.0' };
    expect(withDevice('images: {}\n', 'null', odd)).to.include('host: "fe80::1", port: 2222, user: "true"');
  });

  it('is refused where the rest would not stay as it was', () => {
    const thrown = (() => {
      try {
        return added('devices: nonsense\n');
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).to.be.instanceOf(LockstepError).with.property('hint').that.includes(line);
  });
});
