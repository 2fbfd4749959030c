import { expect } from 'chai';
import { infoName, nameOf } from '../../../src/image/unpack/control-files.ts';
import { type UnpackStep, unpackPlan } from '../../../src/image/unpack/unpack-plan.ts';
import { entry } from '../entries.ts';

const preinst = { preinst: '#!/bin/sh\n' };
const configured = { hasPostinst: true };

function tell(step: UnpackStep): string {
  if (step.verb === 'configure') return `configure ${step.entries.map(nameOf).join(' ')}`;
  if (step.verb === 'activate') return `activate ${step.trigger} ${step.by === null ? '-' : nameOf(step.by)}`;
  return `${step.verb} ${nameOf(step.entry)}`;
}

/** The steps and the order for packages, as names. */
function plan(packages: ReturnType<typeof entry>[], after: ReturnType<typeof entry>[] = []) {
  const made = unpackPlan(packages, new Set(after));
  return { steps: made.steps.map(tell), order: made.order.map(nameOf), early: made.early.map(nameOf) };
}

describe('the plan of an unpacking', () => {
  it('configures the essential packages before any other script runs, with what they depend on, provided included', () => {
    const packages = [
      entry('aa', '', preinst),
      entry('base-files', 'Essential: yes\nPre-Depends: awk'),
      entry('libc6', 'Multi-Arch: same', preinst),
      entry('mawk', 'Provides: awk\nDepends: libc6 (>= 1)'),
      entry('systemd', 'Depends: libc6'),
    ];
    const { steps, early } = plan(packages);
    expect(steps[0]).to.equal('preinst libc6');
    expect(steps[1]).to.equal('restore libc6');
    expect(steps[2]?.split(' ').sort()).to.deep.equal(['base-files', 'configure', 'libc6', 'mawk']);
    expect(steps.slice(3)).to.deep.equal(['preinst aa', 'lay aa']);
    expect(early).to.have.members(['base-files', 'mawk', 'libc6', 'systemd']);
  });

  it('makes users before anything else', () => {
    const packages = ['aa', 'base-files', 'base-passwd'].map((name) => entry(name, 'Essential: yes', preinst));
    expect(plan(packages).steps.filter((step) => step.startsWith('preinst'))).to.deep.equal([
      'preinst base-passwd',
      'preinst base-files',
      'preinst aa',
    ]);
  });

  it('lays the files of a package after its preinst script, and those of a package without one at once', () => {
    expect(plan([entry('aa', '', preinst), entry('bb')])).to.deep.equal({
      steps: ['preinst aa', 'lay aa'],
      order: ['bb', 'aa'],
      early: ['bb'],
    });
  });

  it('lays what a package depends on before its preinst script runs', () => {
    const packages = [entry('aa', 'Depends: adduser', preinst), entry('adduser', '', preinst)];
    expect(plan(packages).steps).to.deep.equal(['preinst adduser', 'lay adduser', 'preinst aa', 'lay aa']);
  });

  it('configures what a package pre-depends on, with its dependencies, before the preinst script', () => {
    const packages = [
      entry('aa', 'Pre-Depends: zz (>= 1), nothing | yy', preinst),
      entry('libzz'),
      entry('yy', '', { ...preinst, ...configured }),
      entry('zz', 'Depends: libzz', configured),
    ];
    const { steps } = plan(packages);
    expect(steps.slice(0, 2)).to.deep.equal(['preinst yy', 'lay yy']);
    expect(steps[2]?.split(' ').sort()).to.deep.equal(['configure', 'libzz', 'yy', 'zz']);
    expect(steps.slice(3)).to.deep.equal(['preinst aa', 'lay aa']);
  });

  it('does not start dpkg to configure what has nothing to configure', () => {
    expect(plan([entry('aa', 'Pre-Depends: zz', preinst), entry('zz')]).steps).to.deep.equal(['preinst aa', 'lay aa']);
  });

  it('never configures a package twice, and bears a circle', () => {
    const packages = [
      entry('aa', 'Pre-Depends: bb', { ...preinst, ...configured }),
      entry('bb', 'Pre-Depends: aa', { ...preinst, ...configured }),
      entry('cc', 'Pre-Depends: bb', preinst),
    ];
    const { steps } = plan(packages);
    for (const name of ['aa', 'bb', 'cc']) expect(steps.filter((step) => step === `lay ${name}`)).to.have.length(1);
    const names = steps.filter((step) => step.startsWith('configure')).flatMap((step) => step.split(' ').slice(1));
    expect(names).to.deep.equal([...new Set(names)]);
  });

  it('lays what must come after the others even when it has no script', () => {
    const [aa, bb] = [entry('aa'), entry('bb')];
    expect(plan([aa, bb], [aa])).to.deep.equal({ steps: ['lay aa'], order: ['bb', 'aa'], early: ['bb'] });
  });

  it('tells dpkg of file triggers that later packages set off in what is configured by then', () => {
    const shells = { triggers: 'interest-noawait /usr/share/shells\ninterest /usr/share/waits\n' };
    const packages = [
      entry('debianutils', 'Essential: yes', { ...shells, list: ['/.', '/usr/share/shells'] }),
      entry('fish', '', { list: ['/.', '/usr/share/shells', '/usr/share/shells/fish'] }),
      entry('zsh', '', { list: ['/.', '/usr/share/shells', '/usr/share/waits'] }),
    ];
    expect(plan(packages).steps).to.deep.equal([
      'configure debianutils',
      'activate /usr/share/shells -',
      'activate /usr/share/waits zsh',
    ]);
  });

  it('has packages in the order of their names, not of their files', () => {
    const packages = [entry('libc6-dev'), entry('libc6', 'Multi-Arch: same')];
    expect(unpackPlan(packages, new Set()).order.map(infoName)).to.deep.equal(['libc6:armhf', 'libc6-dev']);
  });
});
