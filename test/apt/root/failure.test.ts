import { expect } from 'chai';
import { nearestNames, noPackage, unknownPackages } from '../../../src/apt/choose/unknown-package.ts';
import { solveFailure, updateFailure, updateIsPartial } from '../../../src/apt/root/failure.ts';

const notAll = 'E: Some index files failed to download. They have been ignored, or old ones used instead.\n';
const base = 'http://127.0.0.1:8/debian';

/** What apt 2.6 and 3.0 print. */
const updates: { name: string; output: string; code: string; says: string }[] = [
  {
    name: 'a refused connection',
    output: `Ign:1 ${base} bookworm InRelease
Err:1 ${base} bookworm InRelease
  Could not connect to 127.0.0.1:8 (127.0.0.1). - connect (111: Connection refused)
E: Failed to fetch ${base}/dists/bookworm/InRelease  Could not connect to 127.0.0.1:8
${notAll}`,
    code: 'E_APT_UNREACHABLE',
    says: 'Could not connect to 127.0.0.1:8',
  },
  {
    name: 'an answer of 503 to everything',
    output: `Err:2 ${base} bookworm Release
  503  Service Unavailable [IP: 127.0.0.1 8]
E: The repository '${base} bookworm Release' does not have a Release file.
`,
    code: 'E_APT_UNREACHABLE',
    says: 'does not have a Release file',
  },
  {
    name: 'a suite that is not there',
    output: `Ign:1 ${base} bookwrm InRelease
Err:2 ${base} bookwrm Release
  404  Not Found [IP: 127.0.0.1 8]
E: The repository '${base} bookwrm Release' does not have a Release file.
`,
    code: 'E_APT_NO_SUITE',
    says: 'bookwrm Release',
  },
  {
    name: 'a signature by an unknown key',
    output: `Err:1 ${base} bookworm InRelease
  The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131
W: GPG error: ${base} bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 6ED0E7B82643E131
E: The repository '${base} bookworm InRelease' is not signed.
`,
    code: 'E_APT_SIGNATURE',
    says: 'is not signed',
  },
  {
    name: 'a signature that sqv refuses',
    output: `Err:1 ${base} trixie InRelease
  Sub-process /usr/bin/sqv returned an error code (1), error message is: Missing key 0123456789ABCDEF
W: OpenPGP signature verification failed: ${base} trixie InRelease: Sub-process /usr/bin/sqv returned an error code (1)
E: The repository '${base} trixie InRelease' is not signed.
`,
    code: 'E_APT_SIGNATURE',
    says: 'is not signed',
  },
  {
    name: 'a suite past its day',
    output: `E: Release file for ${base}/dists/forky/InRelease is expired (invalid since 16d 22h). Updates for this repository will not be applied.\n`,
    code: 'E_APT_EXPIRED',
    says: 'invalid since 16d',
  },
  {
    name: 'an index that is not the signed one',
    output: `Err:6 ${base} bookworm-security/main armhf Packages
  File has unexpected size (334084 != 349884). Mirror sync in progress? [IP: 127.0.0.1 8]
E: Failed to fetch ${base}/dists/bookworm-security/main/binary-armhf/Packages.xz  File has unexpected size (334084 != 349884). Mirror sync in progress?
${notAll}`,
    code: 'E_APT_INCONSISTENT',
    says: 'Packages.xz',
  },
  {
    name: 'a full disk',
    output: `Err:4 ${base} bookworm/main armhf Packages
  Error writing to output file - write (28: No space left on device) [IP: 127.0.0.1 8]
E: Failed to fetch ${base}/dists/bookworm/main/binary-armhf/Packages.xz  Error writing to output file - write (28: No space left on device)
`,
    code: 'E_DISK_FULL',
    says: 'No space left on device',
  },
  {
    name: 'another apt at work in the same root',
    output: 'E: Could not get lock /x/lists/lock. It is held by process 4711 (apt-get)\n',
    code: 'E_BUSY',
    says: '4711',
  },
  {
    name: 'something new',
    output: 'Reading package lists...\nSegmentation fault\n',
    code: 'E_APT_FAILED',
    says: 'Segmentation',
  },
];

describe('what apt says', () => {
  for (const { name, output, code, says } of updates) {
    it(`when it updates, of ${name}, becomes ${code}`, () => {
      const error = updateFailure('panel', output);
      expect(error.code).to.equal(code);
      expect(error.message).to.contain('image panel: ').and.to.contain(says);
      expect(error.message).not.to.contain('Some index files');
    });
  }

  it('is known for a partial update even where apt ends with exit code 0', () => {
    const kept = `Err:1 ${base} bookworm InRelease
  Connection failed [IP: 127.0.0.1 8]
Reading package lists...
W: Failed to fetch ${base}/dists/bookworm/InRelease  Connection failed [IP: 127.0.0.1 8]
W: Some index files failed to download. They have been ignored, or old ones used instead.
`;
    expect(updateIsPartial(kept)).to.equal(true);
    expect(updateFailure('panel', kept).code).to.equal('E_APT_UNREACHABLE');
    const foreign = `N: Skipping acquire of configured file 'main/binary-armel/Packages' as repository '${base} bookworm InRelease' doesn't support architecture 'armel'\n`;
    expect(updateIsPartial(foreign)).to.equal(true);
    expect(updateFailure('panel', foreign).code).to.equal('E_APT_NO_SUITE');
    expect(updateFailure('panel', foreign).message).to.contain("doesn't support architecture 'armel'");
  });

  it('is not taken for a failure when all is well', () => {
    const well = `Hit:1 ${base} bookworm InRelease
Ign:2 ${base} bookworm-updates/main armhf Packages
Get:2 ${base} bookworm-updates/main armhf Packages [6928 B]
Fetched 6928 B in 1s (6928 B/s)
Reading package lists...
W: Download is performed unsandboxed as root as file '/x/lists/partial/InRelease' couldn't be accessed by user '_apt'.
`;
    expect(updateIsPartial(well)).to.equal(false);
  });

  const problem = `Some packages could not be installed. This may mean that you have
requested an impossible situation.
The following information may help to resolve the situation:

The following packages have unmet dependencies:
 a : Depends: b (>= 2) but 1.0-1 is to be installed
     Conflicts: c
 systemd-sysv : Conflicts: sysvinit-core
E: Unable to correct problems, you have held broken packages.
`;

  it('when packages exclude each other is cut down to the dependencies', () => {
    const error = solveFailure('panel', problem);
    expect(error.code).to.equal('E_APT_UNSOLVABLE');
    expect(error.message.split('\n').slice(1)).to.deep.equal([
      '  a : Depends: b (>= 2) but 1.0-1 is to be installed',
      '      Conflicts: c',
      '  systemd-sysv : Conflicts: sysvinit-core',
    ]);
  });

  it('of unknown packages names each with what it may have meant', () => {
    const unknown = unknownPackages(
      'E: Unable to locate package opensshserver\nE: Unable to locate package qqqqqqqq\n',
    );
    const error = noPackage('panel', unknown, ['openssh-server', 'openssh-client', 'dash']);
    expect(error.code).to.equal('E_APT_NO_PACKAGE');
    expect(error.message).to.contain('package opensshserver (there is openssh-server');
    expect(error.message).to.match(/package qqqqqqqq$/);
  });

  it('of a virtual package names who provides it', () => {
    const output = `Package awk is a virtual package provided by:
  original-awk 1:20220912-2
  mawk 1.3.4.20200120-3.1

E: Package 'awk' has no installation candidate
`;
    expect(unknownPackages(output)).to.deep.equal([{ name: 'awk', providers: ['original-awk', 'mawk'] }]);
    expect(noPackage('panel', unknownPackages(output), []).message).to.contain('provided by original-awk, mawk');
  });

  it('suggests the nearest names first, and none that are far', () => {
    expect(nearestNames('baash', ['bash', 'dash', 'zsh', 'bash-completion', 'libbash'])).to.deep.equal([
      'bash',
      'dash',
    ]);
  });
});
