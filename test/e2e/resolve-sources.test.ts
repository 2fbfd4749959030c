import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { isLocalOrigin } from '../../src/apt/provenance/provenance.ts';
import type { Resolution } from '../../src/apt/resolve.ts';
import type { SourceConfig } from '../../src/config/types.ts';
import type { ErrorCode } from '../../src/errors/index.ts';
import { stanzaText } from '../apt/samples.ts';
import { refusal } from '../refusal.ts';
import { LoopbackResolver, namesOf } from './loopback-resolver.ts';

const base = stanzaText('base', '1', { Essential: 'yes' });
const tool = stanzaText('tool', '1.0', { Depends: 'libc, mta-a | mta', Recommends: 'extra' });

/** What lockstep.yml can say of archives, played through with signed archives of the test's own. */
describe('resolving an image', function () {
  this.timeout(60_000);
  let resolver: LoopbackResolver;

  before(async () => {
    resolver = await LoopbackResolver.open();
    const { archive } = resolver;
    const mtas = [stanzaText('mta-a', '1', { Provides: 'mta' }), stanzaText('mta-b', '1', { Provides: 'mta' })];
    const main = [base, tool, ...mtas, stanzaText('libc', '2'), stanzaText('libc', '1'), stanzaText('extra')];
    await archive.publish('stable', {
      components: { main, contrib: [stanzaText('toy', '1', { Depends: 'libc' })] },
    });
    const backports = [stanzaText('libc', '3'), stanzaText('tool', '2.0', { Depends: 'libc (>= 2)' })];
    await archive.publish('stable-backports', { packages: backports, signer: 'vendor' });
    // It calls itself what the image's own suite calls itself.
    const vendor = [stanzaText('libc', '9'), stanzaText('gadget', '1', { Depends: 'libc' })];
    await archive.publish('stable', { area: 'vendor', packages: vendor, signer: 'vendor' });
  });
  after(() => resolver.close());

  const source = async (changes: Partial<SourceConfig> = {}): Promise<SourceConfig> => ({
    url: resolver.archive.base('vendor'),
    suites: ['stable'],
    components: ['main'],
    keyring: (await resolver.archive.key('vendor')).armored,
    priority: null,
    ...changes,
  });
  const origin = ({ origins }: Resolution, name: string) => {
    const found = origins.get(name)!;
    return isLocalOrigin(found) ? './' : `${found.repository} ${found.suite} ${found.component}`;
  };

  it('takes packages of all its components, and tells which', async () => {
    const found = await resolver.resolve({ packages: ['toy'], components: ['main', 'contrib'] });
    expect(namesOf(found)).to.deep.equal(['base 1', 'libc 2', 'toy 1']);
    expect([origin(found, 'toy'), origin(found, 'libc')]).to.deep.equal(['null stable contrib', 'null stable main']);
    await refused(resolver.resolve({ packages: ['toy'] }), 'E_APT_NO_PACKAGE', 'toy');
    const misspelt = resolver.resolve({ components: ['main', 'contribe'] });
    await refused(misspelt, 'E_APT_NO_SUITE', 'no suite has the component contribe');
  });

  it('takes packages of further repositories, each signed by its own key, and tells which', async () => {
    const found = await resolver.resolve({ packages: ['gadget'], sources: [await source()] });
    expect(namesOf(found)).to.deep.equal(['base 1', 'gadget 1', 'libc 9']);
    expect(origin(found, 'libc')).to.equal(`${resolver.archive.base('vendor')} stable main`);
    expect(origin(found, 'base')).to.equal('null stable main');
    const { fingerprint } = await resolver.archive.key('vendor');
    expect(found.releases.map(({ signers }) => signers)[1]).to.deep.equal([fingerprint]);
  });

  it('trusts no key of one repository for another', async () => {
    const { keyring } = await resolver.archive.key('archive');
    const strange = resolver.resolve({ packages: ['gadget'], sources: [await source({ keyring })] });
    await refused(strange, 'E_APT_SIGNATURE', '/vendor/dists/stable/InRelease');
  });

  it('names a keyring that is missing, or none', async () => {
    const missing = await source({ keyring: path.join(resolver.dir, 'vendor.asc') });
    await refused(resolver.resolve({ sources: [missing] }), 'E_CONFIG_VALUE', 'vendor.asc, is not there');
    await writeFile(missing.keyring, '<html>404</html>');
    await refused(resolver.resolve({ sources: [missing] }), 'E_CONFIG_VALUE', 'holds no OpenPGP public key');
  });

  it('gives repositories the priority that they have, even beside others of the same address and name', async () => {
    const low = { packages: ['gadget'], sources: [await source({ priority: 100 })] };
    expect(namesOf(await resolver.resolve(low))).to.deep.equal(['base 1', 'gadget 1', 'libc 2']);
    const backports = { url: resolver.archive.url, suites: ['stable-backports'] };
    const high = [await source({ priority: 100 }), await source({ ...backports, priority: 990 })];
    expect(namesOf(await resolver.resolve({ packages: ['gadget', 'libc'], sources: high }))).to.include('libc 3');
    const again = await resolver.resolve(low);
    expect(namesOf(again), 'the priority got lost').to.include('libc 2');
    expect(again.releases[1]!.label, 'a label of lockstep’s own is recorded').to.equal('Loopback');
  });

  it('takes the packages given as base in place of the essential ones', async () => {
    const found = await resolver.resolve({ packages: ['libc'], base: ['mta-a'] });
    expect(namesOf(found)).to.deep.equal(['libc 2', 'mta-a 1']);
  });

  it('takes recommended packages when told so', async () => {
    const without = ['base 1', 'libc 2', 'mta-a 1', 'tool 1.0'];
    expect(namesOf(await resolver.resolve())).to.deep.equal(without);
    expect(namesOf(await resolver.resolve({ recommends: true }))).to.deep.equal([...without, 'extra 1.0-1'].sort());
  });

  it('never takes excluded packages, but others that do as well', async () => {
    const found = await resolver.resolve({ exclude: ['mta-a', 'extra'], recommends: true });
    expect(namesOf(found)).to.deep.equal(['base 1', 'libc 2', 'mta-b 1', 'tool 1.0']);
    await refused(resolver.resolve({ exclude: ['mta-a', 'mta-b'] }), 'E_APT_UNSOLVABLE', 'mta');
  });
});

async function refused(work: Promise<unknown>, code: ErrorCode, says: string): Promise<void> {
  expect((await refusal(work, code)).message).to.contain(says);
}
