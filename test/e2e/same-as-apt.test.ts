import { expect } from 'chai';
import { type Prepared, prepareImages } from '../../src/apt/archive/prepare.ts';
import { resolvePrepared } from '../../src/apt/resolve.ts';
import type { ImageConfig } from '../../src/config/types.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { CleanApt, type Question } from './clean-apt.ts';
import { below, drawArchive, drawn } from './drawn-archive.ts';
import { packagesIn, randomFrom } from './drawn-packages.ts';
import { LoopbackResolver, namesOf } from './loopback-resolver.ts';
import { baseOf, tornSuites } from './torn-suites.ts';

const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 20261124);

/** Sets of packages are drawn at random and held against what `apt-get -s install` would do in a clean root. */
describe('what lockstep resolves is what apt would install', function () {
  this.timeout(300_000);
  let resolver: LoopbackResolver;

  before(async () => {
    resolver = await LoopbackResolver.open();
  });
  after(() => resolver.close());

  /** What lockstep makes of it, as apt's answer would read. */
  async function resolved(prepared: Prepared, image: ImageConfig): Promise<string[] | null> {
    try {
      return namesOf(await resolvePrepared({ ...prepared, image }, image, resolver.options));
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'E_APT_UNSOLVABLE') return null;
      throw error;
    }
  }

  for (const round of [1, 2, 3]) {
    it(`from a signed archive with several suites, the draw ${seed + round}`, async () => {
      const random = randomFrom(seed + round);
      const { archive } = resolver;
      const { suites, names, essential } = drawArchive(random);
      await archive.clear();
      await archive.publish('stable', { packages: suites.stable });
      await archive.publish('stable-updates', { packages: suites['stable-updates'] });
      const signer = 'vendor';
      await archive.publish('rolling', {
        area: 'vendor',
        packages: suites.vendor,
        signer,
        release: { Origin: 'Vendor' },
      });
      const [own, vendor] = [await archive.key('archive'), await archive.key('vendor')];
      const line = (keyring: string, base: string, suite: string) =>
        `deb [signed-by=${keyring} check-date=no] ${base} ${suite} main`;
      const mine = ['stable', 'stable-updates'].map((suite) => line(own.keyring, archive.url, suite));
      const alone = await CleanApt.open({ arch: 'armhf', sources: mine });
      const theirs = line(vendor.keyring, archive.base('vendor'), 'rolling');
      const together = await CleanApt.open({ arch: 'armhf', sources: [...mine, theirs] });
      const cases = Array.from({ length: 25 }, (_, at) => {
        const packages = drawn(names, 1 + below(5, random), random);
        const exclude =
          random() < 0.4
            ? drawn(
                names.filter((name) => !packages.includes(name)),
                3,
                random,
              )
            : [];
        const priority = [null, 100, 990, 1001][below(4, random)]!;
        const source = { url: archive.base('vendor'), suites: ['rolling'], components: ['main'], priority };
        const sources = random() < 0.6 ? [{ ...source, keyring: vendor.armored }] : [];
        const base: ImageConfig['base'] = random() < 0.2 ? drawn(names.slice(0, 30), 2, random) : 'essential';
        const allowed = base === 'essential' ? essential : base;
        const free = exclude.filter((name) => !allowed.includes(name));
        const rest = { suites: ['stable', 'stable-updates'], recommends: random() < 0.5, exclude: free, base, sources };
        return resolver.image({ name: `image${at}`, packages, ...rest });
      });
      try {
        const prepared = await prepareImages(cases, resolver.options);
        let solved = 0;
        for (const [at, image] of cases.entries()) {
          const apt = image.sources.length > 0 ? together : alone;
          const expected = await apt.simulate(questionOf(image, essential));
          const { packages, base, recommends, exclude, sources } = image;
          const what = JSON.stringify({ packages, base, recommends, exclude, priority: sources[0]?.priority });
          expect(await resolved(prepared[at]!, image), what).to.deep.equal(expected);
          if (expected !== null) solved += 1;
        }
        expect(solved, 'hardly any draw has a solution').to.be.above(8);
        expect(solved, 'every draw has a solution').to.be.below(25);
      } finally {
        await Promise.all([alone.close(), together.close()]);
      }
    });
  }

  it(`from the real archive, the draw ${seed}`, async () => {
    const random = randomFrom(seed);
    const suites = ['bookworm', 'bookworm-updates'];
    const torn = await tornSuites(suites, 'armhf');
    expect(torn, 'the release itself is half updated on the mirror').not.to.include('bookworm');
    const whole = suites.filter((suite) => !torn.includes(suite));
    const key = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
    const bases = await Promise.all(whole.map(async (suite) => `deb ${key} ${await baseOf(suite)} ${suite} main`));
    const apt = await CleanApt.open({ arch: 'armhf', sources: bases });
    try {
      const index = await packagesIn(apt.lists);
      const essential = index.filter((each) => each.essential).map((each) => each.package);
      const plain = { ...resolver.image({ suites: whole, mirror: null }), packages: ['dash'] };
      const { keyring: _, ...options } = resolver.options;
      for (const recommends of [false, true]) {
        const name = `real-${recommends}`;
        const [prepared] = await prepareImages([{ ...plain, name, recommends }], options);
        for (let turn = 0; turn < 6; turn += 1) {
          const packages = drawn(index, 1 + below(6, random), random).map((each) => each.package);
          const image = { ...plain, name, recommends, packages };
          const expected = await apt.simulate(questionOf(image, essential));
          expect(await resolved(prepared!, image), packages.join(' ')).to.deep.equal(expected);
        }
      }
    } finally {
      await apt.close();
    }
  });
});

/** What an image means, in apt's own terms. */
function questionOf(image: ImageConfig, essential: readonly string[]): Question {
  const { packages, base, exclude, sources, recommends } = image;
  const pin = (name: string, what: string, priority: number) =>
    `Package: ${name}\nPin: ${what}\nPin-Priority: ${priority}\n`;
  const [priority] = sources.map((source) => source.priority);
  const stanzas = [
    pin('usrmerge', 'release *', -1),
    ...exclude.map((name) => pin(name, 'release *', -1)),
    ...(typeof priority === 'number' ? [pin('*', 'release o=Vendor', priority)] : []),
  ];
  const install = [...(base === 'essential' ? essential : base), ...packages];
  return { install, recommends, preferences: stanzas.join('\n') };
}
