import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { LoopbackArchive } from '../apt/loopback-archive.ts';
import { stanzaText } from '../apt/samples.ts';
import { StaticServer } from '../apt/static-server.ts';
import { updateIn } from './update-command.ts';

const base = stanzaText('base', '1', { Essential: 'yes' });
const names = Array.from({ length: 20 }, (_, at) => `p${at}`);
const stanzas = names.map((name, at) => stanzaText(name, '1', at === 0 ? {} : { Depends: `p${at - 1}` }));

/** What an update must not depend on: the mirror, the toolbox, the machine, other images. */
describe('the lockfiles of an archive', function () {
  this.timeout(180_000);
  let archive: LoopbackArchive;
  let dir: string;

  before(async () => {
    archive = await LoopbackArchive.open();
    await archive.publish('stable', { packages: [base, ...stanzas] });
    await archive.publish('stable-updates', { packages: [stanzaText('p3', '2')] });
    await archive.publish('stable-security', { area: 'debian-security', packages: [stanzaText('p1', '2')] });
    await archive.publish('rolling', { area: 'vendor', packages: [stanzaText('gadget')], signer: 'vendor' });
  });
  after(() => archive.close());
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-alike-'));
    for (const name of ['archive', 'vendor']) {
      await writeFile(path.join(dir, `${name}.asc`), await readFile((await archive.key(name)).armored));
    }
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const suites = ['stable', 'stable-updates', 'stable-security'];
  const image = (changes: object = {}) => {
    const vendor = { url: archive.base('vendor'), suites: ['rolling'], keyring: 'vendor.asc' };
    const rest = { mirror: archive.url, keyring: 'archive.asc', sources: [vendor] };
    return { arch: 'armhf', suites, packages: ['p7', 'gadget'], ...rest, ...changes };
  };
  const configure = (images: Record<string, object>, at = dir) =>
    writeFile(path.join(at, 'lockstep.yml'), JSON.stringify({ images }));
  const written = (name = 'panel', at = dir) =>
    Promise.all(['lock', 'provenance'].map((kind) => readFile(path.join(at, `${name}.${kind}`), 'utf8')));
  const updated = async (...args: string[]) => {
    const { exitCode, outcome, stderr } = await updateIn(dir, ...args);
    expect(exitCode, stderr).to.equal(0);
    return outcome;
  };

  it('are the same bytes from each mirror, with their records', async () => {
    await configure({ panel: image() });
    await updated();
    const one = await written();
    const copy = await mkdtemp(path.join(tmpdir(), 'lockstep-mirror-'));
    for (const area of ['debian', 'debian-security']) {
      for (const suite of suites) {
        const from = `/${area}/dists/${suite}`;
        await cp(path.join(archive.directory, from), path.join(copy, from), { recursive: true }).catch(() => {});
      }
    }
    const mirror = await StaticServer.open(copy);
    try {
      await configure({ panel: image({ mirror: `${mirror.url}/debian` }) });
      await rm(path.join(dir, '.lockstep'), { recursive: true });
      await Promise.all(['panel.lock', 'panel.provenance'].map((name) => rm(path.join(dir, name))));
      await updated();
      expect(mirror.requests.length, 'the other mirror was not asked').to.be.above(5);
      expect(await written()).to.deep.equal(one);
    } finally {
      await mirror.close();
      await rm(copy, { recursive: true });
    }
  });

  it('are the same bytes from each toolbox, and a second run of the other changes nothing', async () => {
    await configure({ panel: image() });
    await updated('--toolbox', 'host');
    const one = await written();
    expect((await updated('--toolbox', 'docker')).outcome).to.equal('unchanged');
    await rm(path.join(dir, 'panel.lock'));
    await rm(path.join(dir, 'panel.provenance'));
    await updated('--toolbox', 'docker');
    expect(await written()).to.deep.equal(one);
  });

  it('are each what it would be alone, though their images fetch every index once for all', async () => {
    const images = {
      panel: image(),
      bare: image({ suites: ['stable'], sources: [], packages: ['p2'] }),
      debug: image({ packages: ['p7', 'p15'], recommends: true }),
    };
    const alone: Record<string, string[]> = {};
    for (const [name, one] of Object.entries(images)) {
      await configure({ [name]: one });
      await updated();
      alone[name] = await written(name);
      await Promise.all(
        [`${name}.lock`, `${name}.provenance`, '.lockstep'].map((each) =>
          rm(path.join(dir, each), { recursive: true }),
        ),
      );
    }
    await configure(images);
    archive.server.requests.length = 0;
    await updated();
    for (const name of Object.keys(images)) expect(await written(name), name).to.deep.equal(alone[name]);
    const asked = archive.server.requests.filter((request) => /\/(InRelease|Packages)$/.test(request));
    expect(asked).to.have.length(2 * 4);
    expect(new Set(asked).size, asked.join('\n')).to.equal(asked.length);
  });
});
