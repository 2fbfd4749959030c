import { expect } from 'chai';
import { parseConfig } from '../../src/config/load.ts';
import type { ImageConfig } from '../../src/config/types.ts';
import { complaint } from '../refusal.ts';

const panel = 'images:\n  panel:\n    arch: armhf\n    suites: [bookworm]\n    packages: [systemd-sysv]\n';
const vendor = '{url: https://repo.example.org/debian/, suites: [stable], keyring: keys/vendor.asc}';

const image = (keys: string): ImageConfig => parseConfig('/project/lockstep.yml', panel + keys).images[0]!;

const failure = (keys: string) => complaint(() => image(keys));

describe('the archives of an image', () => {
  it('are one with the component main, for the essential packages and no recommended ones, unless it says otherwise', () => {
    const { components, sources, base, recommends, exclude } = image('');
    expect({ components, sources, base, recommends, exclude }).to.deep.equal({
      components: ['main'],
      sources: [],
      base: 'essential',
      recommends: false,
      exclude: [],
    });
  });

  it('may be further ones, each with a keyring beside lockstep.yml', () => {
    expect(image(`    sources: [${vendor}]\n`).sources).to.deep.equal([
      {
        url: 'https://repo.example.org/debian',
        suites: ['stable'],
        components: ['main'],
        keyring: '/project/keys/vendor.asc',
        priority: null,
      },
    ]);
  });

  it('are added to those of the image that it extends, excluded packages too', () => {
    const child = `  child:\n    extends: panel\n    sources: [${vendor.replace('stable', 'testing')}]\n    exclude: [b1]\n`;
    const text = `${panel}    sources: [${vendor}]\n    exclude: [a1]\n    components: [main, contrib]\n${child}`;
    const { sources, exclude, components } = parseConfig('/project/lockstep.yml', text).images[1]!;
    expect(sources.map(({ suites }) => suites[0])).to.deep.equal(['stable', 'testing']);
    expect([exclude, components]).to.deep.equal([
      ['a1', 'b1'],
      ['main', 'contrib'],
    ]);
  });

  for (const [what, keys, says] of [
    [
      'a repository without a keyring',
      `sources: [${vendor.replace(', keyring: keys/vendor.asc', '')}]`,
      'keyring" is missing',
    ],
    ['a misspelt key of a repository', `sources: [${vendor.replace('suites', 'suits')}]`, 'did you mean "suites"?'],
    ['an address with a password', `sources: [${vendor.replace('repo', 'me:secret@repo')}]`, 'sources.0.url'],
    [
      'a suite of a repository given twice',
      `sources: [${vendor}, ${vendor}]`,
      'https://repo.example.org/debian stable is there twice',
    ],
    ['a priority of 0', `sources: [${vendor.replace('}', ', priority: 0}')}]`, 'sources.0.priority'],
    ['a component that climbs', 'components: [../main]', 'components.0'],
    ['a base that is neither', 'base: minimal', 'essential, or a list of packages'],
    ['an empty base', 'base: []', 'base'],
    [
      'a package both wanted and excluded',
      'exclude: [systemd-sysv]',
      'systemd-sysv is among the packages of the image',
    ],
    [
      'two pins of a package, of which one alone could hold',
      'pins: [{package: dash, version: "1*", reason: a}, {package: dash, version: "2*", reason: b}]',
      'dash is pinned twice',
    ],
    ['a base package that is excluded', 'base: [dpkg]\n    exclude: [dpkg]', 'dpkg is among'],
  ] as const) {
    it(`refuses ${what}`, () => {
      const error = failure(`    ${keys}\n`);
      expect(error.code).to.match(/^E_CONFIG_(KEY|VALUE)$/);
      expect(error.message)
        .to.match(/lockstep\.yml:\d+: /)
        .and.to.contain(says);
    });
  }
});
