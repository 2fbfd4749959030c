import { expect } from 'chai';
import { LockstepError } from '../../../src/errors/index.ts';
import { refuseUnfit, refuseUnruly } from '../../../src/image/unpack/package-rules.ts';
import { entryFor } from '../../deb/debs.ts';
import { entry } from '../entries.ts';

function refusal(act: () => void): LockstepError | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
}

const unruly = (...packages: ReturnType<typeof entry>[]) => refusal(() => refuseUnruly(packages));

describe('debs that cannot lie in one root', () => {
  const deb = (name: string, version: string, architecture = 'armhf') => ({
    ...entryFor(Buffer.from(version), name),
    version,
    architecture,
  });

  it('are two versions of a package', () => {
    const error = refusal(() => refuseUnfit([deb('aa', '1'), deb('bb', '1'), deb('aa', '2')], 'armhf'));
    expect(error?.code).to.equal('E_PACKAGE_CONFLICT');
    expect(error?.message).to.contain('aa 1 armhf').and.to.contain('aa 2 armhf');
  });

  it('are for another architecture than the image', () => {
    const error = refusal(() =>
      refuseUnfit([deb('aa', '1'), deb('doc', '1', 'all'), deb('bb', '1', 'amd64')], 'armhf'),
    );
    expect(error?.code).to.equal('E_PACKAGE_ARCHITECTURE');
    expect(error?.message).to.contain('bb 1 amd64').and.to.contain('armhf');
  });
});

describe('packages that exclude each other', () => {
  it('are told with the relation and both versions', () => {
    const error = unruly(entry('aa', 'Breaks: bb (<< 2)'), entry('bb', 'Version: 1.9'));
    expect(error?.code).to.equal('E_PACKAGE_CONFLICT');
    expect(error?.message).to.contain('aa 1 armhf has Breaks: bb (<< 2), and there is bb 1.9 armhf');
  });

  it('conflict with what another package provides, but not with what they provide themselves', () => {
    const agent = (name: string) => entry(name, 'Provides: agent\nConflicts: agent');
    expect(unruly(agent('aa'), agent('bb'))?.code).to.equal('E_PACKAGE_CONFLICT');
    expect(unruly(agent('aa'), entry('bb'))).to.equal(null);
  });

  it('do not conflict beyond the version that a relation bounds', () => {
    expect(unruly(entry('aa', 'Conflicts: bb (<< 2~)'), entry('bb', 'Version: 2'))).to.equal(null);
    expect(unruly(entry('aa', 'Conflicts: virtual (<< 2)'), entry('bb', 'Provides: virtual'))).to.equal(null);
    expect(unruly(entry('aa', 'Conflicts: virtual (<< 2)'), entry('bb', 'Provides: virtual (= 1)'))?.code).to.equal(
      'E_PACKAGE_CONFLICT',
    );
  });

  it('are all told, up to ten', () => {
    const many = Array.from({ length: 12 }, (_, number) => entry(`p${number}`));
    const error = unruly(entry('aa', `Conflicts: ${many.map((_, number) => `p${number}`).join(', ')}`), ...many);
    expect(error?.message).to.contain('p0 1 armhf').and.to.contain('p9 1 armhf').and.to.contain('and 2 more');
  });
});

describe('dependencies', () => {
  const unmet = 'E_DEPENDS_UNMET';

  it('that no package fulfils are told with who asks for them', () => {
    const error = unruly(entry('aa', 'Depends: bb (>= 2) | cc'), entry('bb'));
    expect(error?.code).to.equal(unmet);
    expect(error?.message).to.contain('aa 1 armhf has Depends: bb (>= 2) | cc');
    expect(unruly(entry('aa', 'Pre-Depends: bb'))?.code).to.equal(unmet);
  });

  it('are fulfilled by any of the alternatives, and by what is provided', () => {
    expect(unruly(entry('aa', 'Depends: bb | mail'), entry('cc', 'Provides: mail'))).to.equal(null);
    expect(unruly(entry('aa', 'Depends: api (= 3)'), entry('cc', 'Provides: api (= 3)'))).to.equal(null);
    expect(unruly(entry('aa', 'Depends: api (>= 2)'), entry('cc', 'Provides: api'))?.code).to.equal(unmet);
  });

  it('on any architecture are fulfilled by packages that allow it', () => {
    expect(unruly(entry('aa', 'Depends: perl:any'), entry('perl', 'Multi-Arch: allowed'))).to.equal(null);
    expect(unruly(entry('aa', 'Depends: perl:any'), entry('perl'))?.code).to.equal(unmet);
    expect(unruly(entry('aa', 'Depends: perl:armhf'), entry('perl'))).to.equal(null);
    expect(unruly(entry('aa', 'Depends: perl:amd64'), entry('perl'))?.code).to.equal(unmet);
  });

  it('of no account are not asked for', () => {
    expect(unruly(entry('aa', 'Recommends: bb\nSuggests: cc\nEnhances: dd'))).to.equal(null);
  });
});
