import { expect } from 'chai';
import { formatInputs, inputsOf, parseInputs, staleness } from '../../../src/apt/lockfile/lock-inputs.ts';
import type { ImageConfig } from '../../../src/config/types.ts';
import { imageConfig } from '../samples.ts';

const vendor = {
  url: 'https://repo.example.org/debian',
  suites: ['stable', 'extra'],
  components: ['main'],
  keyring: '/project/vendor.asc',
  priority: 700,
};
const choices: Partial<ImageConfig> = {
  components: ['non-free-firmware', 'main'],
  sources: [vendor],
  base: ['dpkg', 'bash'],
  recommends: true,
  exclude: ['nano'],
};

const read = (text: string) => parseInputs(text.split('\n'))!;

describe('the lines above a lockfile’s first stanza', () => {
  it('are what they were for an image that chooses nothing of its archives', () => {
    expect(formatInputs(inputsOf(imageConfig()))).to.equal(
      '#Lockstep-Architecture: armhf\n#Lockstep-Suites: bookworm\n#Lockstep-Packages: dash\n',
    );
  });

  it('name components, repositories, base, recommends and exclusions where they are not the usual ones', () => {
    const text = formatInputs(inputsOf(imageConfig(choices)));
    expect(text.split('\n').slice(2, -1)).to.deep.equal([
      '#Lockstep-Components: main non-free-firmware',
      '#Lockstep-Sources: https://repo.example.org/debian;suites=extra,stable;components=main;priority=700',
      '#Lockstep-Packages: dash',
      '#Lockstep-Base: bash dpkg',
      '#Lockstep-Recommends: yes',
      '#Lockstep-Exclude: nano',
    ]);
    expect(read(text)).to.deep.equal(inputsOf(imageConfig(choices)));
  });

  it('of a lockfile without them fit an image that chooses nothing', () => {
    const old = read('#Lockstep-Architecture: armhf\n#Lockstep-Suites: bookworm\n#Lockstep-Packages: dash\n');
    expect(staleness(old, inputsOf(imageConfig()))).to.deep.equal([]);
  });

  for (const [key, says] of [
    ['components', 'lockstep.yml has the component non-free-firmware'],
    ['sources', 'lockstep.yml has the source https://repo.example.org/debian;suites=extra,stable'],
    ['base', 'the lockfile was made with the base package essential'],
    ['recommends', 'lockstep.yml says recommends: true'],
    ['exclude', 'lockstep.yml has the excluded package nano'],
  ] as const) {
    it(`tell that ${key} of the image is another now`, () => {
      const before = inputsOf(imageConfig());
      const now = inputsOf(imageConfig({ [key]: choices[key] }));
      expect(staleness(before, now).join('\n')).to.contain(says);
      expect(staleness(now, before)).to.have.length.above(0);
    });
  }

  it('do not tell another priority of a repository, or another suite of it, for the same', () => {
    const now = inputsOf(imageConfig(choices));
    for (const changed of [
      { ...vendor, priority: null },
      { ...vendor, suites: ['stable'] },
    ]) {
      expect(staleness(inputsOf(imageConfig({ ...choices, sources: [changed] })), now)).to.have.length(2);
    }
    const elsewhere = inputsOf(imageConfig({ ...choices, sources: [{ ...vendor, keyring: '/other.gpg' }] }));
    expect(staleness(elsewhere, now)).to.deep.equal([]);
  });
});
