import { expect } from 'chai';
import { commitMessage } from '../../src/refresh/message.ts';

const change = (name: string, kind: string, from: string | null, to: string | null) => ({
  package: name,
  kind,
  from,
  to,
});
const image = (name: string, ...changes: ReturnType<typeof change>[]) => ({ name, lockfile: `/${name}.lock`, changes });

describe('commitMessage', () => {
  it('counts by kind, upgrades first, and lists each package', () => {
    const panel = image(
      'panel',
      change('c', 'removed', '3', null),
      change('b', 'added', null, '2'),
      change('a', 'upgraded', '1', '1.1'),
      change('d', 'upgraded', '4', '4.1'),
    );
    expect(commitMessage([panel])).to.equal(
      'Refresh panel: 2 upgraded, 1 added, 1 removed\n\n- c 3 (removed)\n- b 2 (added)\n- a 1 -> 1.1\n- d 4 -> 4.1\n',
    );
  });

  it('heads each list with its image when several changed, and leaves out those that did not', () => {
    const message = commitMessage([
      image('panel', change('a', 'upgraded', '1', '2')),
      image('still'),
      image('gateway', change('b', 'added', null, '1')),
    ]);
    expect(message).to.equal(
      'Refresh panel, gateway: 1 upgraded, 1 added\n\npanel:\n- a 1 -> 2\n\ngateway:\n- b 1 (added)\n',
    );
  });

  it('says so when the bytes changed but no version did', () => {
    expect(commitMessage([image('panel')])).to.equal('Refresh panel: same versions, new metadata\n');
  });
});
