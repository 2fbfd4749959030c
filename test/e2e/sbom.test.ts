import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { expect } from 'chai';
import { loadLockfile } from '../../src/apt/lockfile/lockfile.ts';
import type { Outcome } from '../../src/commands/verb.ts';
import type { SbomFiles } from '../../src/sbom/write.ts';
import { ruleFaults } from '../sbom/spdx-rules.ts';
import { spdxShape } from '../sbom/spdx-shape.ts';
import { lockstepOk } from './lockstep.ts';
import { linkedCopy } from './panel-copy.ts';
import { builtPanel } from './projects.ts';

describe('the bills of material of a built image', function () {
  this.timeout(15 * 60_000);
  let dir: string;
  let outcome: Outcome;
  let files: SbomFiles;

  const build = () => lockstepOk(dir, ['build', '--toolbox', 'host']);
  const imageOf = (of: Outcome) => (of.images as { commit: string; sbom: SbomFiles }[])[0]!;
  const texts = async () => [await readFile(files.cyclonedx, 'utf8'), await readFile(files.spdx, 'utf8')] as const;

  before(async () => {
    dir = await linkedCopy(await builtPanel(), 'sbom');
    outcome = await build();
    files = imageOf(outcome).sbom;
  });

  it('lie in .lockstep/sbom', () => {
    const at = (name: string) => path.join(dir, '.lockstep/sbom', name);
    expect(files).to.deep.equal({ cyclonedx: at('panel.cdx.json'), spdx: at('panel.spdx.json') });
  });

  it('are valid, and name the commit and every package of the lockfile', async () => {
    const [cdx, spdx] = await texts();
    expect(await new JsonStrictValidator(Version.v1dot6).validate(cdx)).to.equal(null);
    const document = spdxShape.parse(JSON.parse(spdx));
    expect(ruleFaults(document)).to.deep.equal([]);
    const { packages } = await loadLockfile(path.join(dir, 'panel.lock'));
    const { components } = JSON.parse(cdx) as { components: { name: string; purl: string }[] };
    expect(components.map(({ name }) => name)).to.have.members(packages.map((each) => each.package));
    expect(components.filter(({ purl }) => !/^pkg:deb\/debian\/.*&?distro=debian-12/.test(purl))).to.deep.equal([]);
    expect(document.packages).to.have.lengthOf(packages.length + 1);
    expect(document.packages[0]?.checksums[0]?.checksumValue).to.equal(imageOf(outcome).commit);
  });

  it('stay as they are while the image does, and come back the same when they are gone', async () => {
    const [before, { mtimeMs }] = [await texts(), await stat(files.spdx)];
    expect((await build()).outcome).to.equal('unchanged');
    expect((await stat(files.spdx)).mtimeMs).to.equal(mtimeMs);
    await rm(path.dirname(files.spdx), { recursive: true });
    expect((await build()).outcome).to.equal('unchanged');
    expect(await texts()).to.deep.equal(before);
  });
});
