import { expect } from 'chai';
import { depfile, firstLine, type NinjaPlan, ninjaFile, shellCommand } from '../../../src/image/ninja/ninja-file.ts';
import { entryFor } from '../../deb/debs.ts';

const [one, two] = [entryFor(Buffer.from('1'), 'one'), entryFor(Buffer.from('2'), 'two')];

const plan: NinjaPlan = {
  from: '/srv/my project',
  repo: '/srv/my project/.lockstep/repo',
  id: 'abcd',
  argv: ['node', "/it's/agent.mjs", '-C', './'],
  flags: ['--image-version', '1.0'],
  again: {
    argv: ['node', 'agent', 'ninja'],
    file: '/srv/my project/build.ninja',
    depfile: '/srv/my project/.lockstep/d',
  },
  images: [
    {
      name: 'panel',
      packages: [one, two],
      identities: ['/srv/my project/panel.passwd', '/srv/my project/panel.group'],
      steps: [
        { stop: 'merge', ref: 'lockstep/unpacked/m', digest: 'm' },
        { stop: 'configure', ref: 'lockstep/configured/c', digest: 'c' },
        { stop: 'initramfs', ref: 'lockstep/image/panel/initramfs', digest: 'i' },
        { stop: null, ref: 'panel/armhf', digest: 'f' },
      ],
    },
    {
      name: 'other',
      packages: [two],
      identities: ['/srv/my project/other.passwd', '/srv/my project/other.group'],
      steps: [
        { stop: 'merge', ref: 'lockstep/unpacked/o', digest: 'o' },
        { stop: null, ref: 'other/armhf', digest: 'g' },
      ],
    },
  ],
};

/** Edges by their first output. */
function edges(text: string): Map<string, string> {
  const found = [...text.matchAll(/^build ([^\s:]+)[^:\n]*: (.*(?:\n {2}.*)*)/gm)];
  return new Map(found.map(([, output = '', rest = '']) => [output.replace('$lockstep_refs/', ''), rest]));
}

describe('a build.ninja', () => {
  const text = ninjaFile(plan);
  const all = edges(text);

  it('has one edge for each deb, though two images have it, and both its refs for outputs', () => {
    const deb = all.get(`dpkg/data/${two.sha256}`);
    expect(deb).to.contain('lockstep_import').and.to.contain('image = panel');
    expect(text.split(`build $lockstep_refs/dpkg/data/${two.sha256}`)).to.have.length(2);
    expect(text).to.contain(`build $lockstep_refs/dpkg/data/${one.sha256} $lockstep_refs/dpkg/control/${one.sha256}:`);
  });

  it('lets each stage depend on the one before, the first on all debs', () => {
    expect(all.get('lockstep/unpacked/m')).to.contain(one.sha256).and.to.contain(two.sha256);
    expect(all.get('lockstep/unpacked/o')).to.contain(two.sha256).and.not.to.contain(one.sha256);
    expect(all.get('lockstep/configured/c')).to.contain('| $lockstep_refs/lockstep/unpacked/m\n');
    expect(all.get('panel/armhf')).to.contain('phony $lockstep_refs/panel/armhf');
    expect(text).to.contain(
      'build $lockstep_refs/panel/armhf: lockstep_image | $lockstep_refs/lockstep/image/panel/initramfs',
    );
  });

  it('lets what comes after the maintainer scripts depend on the locks of users and groups', () => {
    expect(text).to.contain('build panel.passwd panel.group: phony $lockstep_refs/lockstep/configured/c');
    expect(all.get('lockstep/image/panel/initramfs')).to.contain('panel.passwd panel.group');
    expect(all.get('lockstep/configured/c')).to.not.contain('panel.passwd');
  });

  it('can be told from others, and says of itself how it is made', () => {
    expect(text.startsWith(`${firstLine}\n`)).to.equal(true);
    expect(text).to.contain('build build.ninja: lockstep_write').and.to.contain('depfile = .lockstep/d');
  });

  it('hands words to the shell as they are', () => {
    expect(text).to.contain("lockstep = node '/it'\\''s/agent.mjs' -C ./");
    expect(shellCommand(['a b', '$HOME', 'plain-1.0'])).to.equal("'a b' '$HOME' plain-1.0");
    expect(text).to.contain('$lockstep build --image-version 1.0 --image $image --until $stage --plan $plan');
  });

  it('lists what it was made from, names with blanks too', () => {
    const listed = depfile(plan, ['/srv/my project/lockstep.yml', '/srv/my project/over lay/#1', '/elsewhere/$x']);
    expect(listed).to.equal('build.ninja: lockstep.yml \\\n  over\\ lay/\\#1 \\\n  ../../elsewhere/$$x\n');
  });

  it('escapes what ninja would read as its own', () => {
    const moved = { ...plan, from: '/srv' };
    expect(ninjaFile(moved)).to.contain('build my$ project/build.ninja: lockstep_write');
    expect(ninjaFile(moved)).to.contain('lockstep_refs = my project/.lockstep/repo/refs/heads');
  });
});
