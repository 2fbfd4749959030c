import { expect } from 'chai';
import { hostArgv } from '../../src/toolbox/host.ts';
import { reasonFor } from '../../src/toolbox/rootless.ts';

describe('the host toolbox without root', () => {
  const facts = { error: '', hasNewuidmap: true, ranges: 65_536, user: 'jenkins' };

  it('makes each command root in a user namespace, and ties it to the agent after that', () => {
    const argv = hostArgv(['true'], false, false);
    expect(argv.slice(0, 2)).to.deep.equal(['unshare', '--user']);
    expect(argv.indexOf('setpriv')).to.be.greaterThan(argv.indexOf('--map-auto'));
    expect(hostArgv(['true'], false, true)).to.not.include('--user');
  });

  it('names the package that is missing before anything that follows from that', () => {
    const reason = reasonFor({ ...facts, hasNewuidmap: false, ranges: 0 });
    expect(reason).to.contain('apt-get install uidmap');
  });

  it('names the command that lends the user ids', () => {
    const reason = reasonFor({ ...facts, ranges: 0 });
    expect(reason)
      .to.contain('lends 0')
      .and.to.match(/usermod --add-subuids \d+-\d+ --add-subgids \d+-\d+ jenkins/);
  });

  it('says that unshare is too old', () => {
    const error = "unshare: unrecognized option '--map-auto'";
    expect(reasonFor({ ...facts, error })).to.contain('util-linux 2.38');
  });

  it('hands on what the kernel said when all is there', () => {
    const error = 'unshare: unshare failed: Operation not permitted';
    expect(reasonFor({ ...facts, error }))
      .to.contain('Operation not permitted')
      .and.to.contain('jenkins');
  });
});
