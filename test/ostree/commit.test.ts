import { expect } from 'chai';
import { commitArgv } from '../../src/ostree/commit.ts';

describe('commitArgv', () => {
  it('makes commits that depend on their tree and subject alone, and waits for no disk', () => {
    expect(commitArgv(['tar=/dev/stdin'], { repo: '/r', ref: 'dpkg/data/1', subject: 'x 1 all' })).to.deep.equal([
      'ostree',
      'commit',
      '--repo=/r',
      '--branch=dpkg/data/1',
      '--parent=none',
      '--subject=x 1 all',
      '--timestamp=@0',
      '--no-bindings',
      '--fsync=false',
      '--tree=tar=/dev/stdin',
    ]);
  });

  it('keeps the order of the trees, and adds metadata, time and parent when given', () => {
    const options = { repo: '/r', ref: null, subject: 's', parent: 'p', timestamp: 7, metadata: { version: '1 2' } };
    expect(commitArgv(['ref=a', 'ref=b'], options).slice(3)).to.deep.equal([
      '--orphan',
      '--parent=p',
      '--subject=s',
      '--timestamp=@7',
      '--no-bindings',
      '--fsync=false',
      '--add-metadata-string=version=1 2',
      '--tree=ref=a',
      '--tree=ref=b',
    ]);
  });
});
