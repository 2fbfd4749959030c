import { expect } from 'chai';
import type { ImageConfig } from '../../src/config/types.ts';
import { type ErrorCode, LockstepError } from '../../src/errors/index.ts';
import { stanzaText } from '../apt/samples.ts';
import { refusal } from '../refusal.ts';
import { resolvedImage, suite } from './resolved-image.ts';

const hour = 3600_000;

describe('resolving from an archive', function () {
  this.timeout(60_000);
  const image = resolvedImage();

  const faults: {
    name: string;
    code: ErrorCode;
    says: string | RegExp;
    changes?: () => Partial<ImageConfig>;
    break?: () => Promise<void> | void;
  }[] = [
    {
      name: 'does not answer',
      code: 'E_APT_UNREACHABLE',
      says: '127.0.0.1:9',
      changes: () => ({ mirror: 'http://127.0.0.1:9/debian' }),
    },
    {
      name: 'answers with errors only',
      code: 'E_APT_UNREACHABLE',
      says: 'stable',
      break: () => {
        image.archive.answers.set('/debian/dists/stable/InRelease', 503).set('/debian/dists/stable/Release', 503);
      },
    },
    {
      name: 'stalls in the middle of a file',
      code: 'E_APT_UNREACHABLE',
      says: 'stable/main/binary-armhf/Packages',
      break: async () => {
        const at = '/debian/dists/stable/main/binary-armhf/Packages';
        const index = await image.archive.read(at);
        image.configureApt('Acquire::http::Timeout "1";\n');
        image.archive.answers.set(at, (_, response) => {
          response.writeHead(200, { 'Content-Length': index.length });
          response.write(index.subarray(0, index.length / 2));
        });
      },
    },
    {
      name: 'has vanished from its mirror',
      code: 'E_APT_NO_SUITE',
      says: 'stable',
      break: () => image.archive.clear(),
    },
    {
      name: 'is signed by a key that nobody trusts',
      code: 'E_APT_SIGNATURE',
      says: 'stable InRelease',
      break: () => image.archive.publish('stable', { packages: suite, stranger: true }),
    },
    {
      name: 'was altered after it was signed',
      code: 'E_APT_SIGNATURE',
      says: 'stable InRelease',
      break: async () => {
        const at = '/debian/dists/stable/InRelease';
        const signed = (await image.archive.read(at)).toString();
        await image.archive.write(at, signed.replace('Origin: L', 'Origin: M'));
      },
    },
    {
      name: 'is not signed at all',
      code: 'E_APT_SIGNATURE',
      says: 'is not signed',
      break: () => image.archive.publish('stable', { packages: suite, signer: null }),
    },
    {
      name: 'is past its day',
      code: 'E_APT_EXPIRED',
      says: 'expired',
      break: () =>
        image.archive.publish('stable', {
          date: new Date(Date.now() - 48 * hour),
          validUntil: new Date(Date.now() - hour),
        }),
    },
    {
      name: 'has an index that is not the signed one',
      code: 'E_APT_INCONSISTENT',
      says: 'Packages',
      break: async () => {
        const at = '/debian/dists/stable/main/binary-armhf/Packages';
        await image.archive.write(at, `${await image.archive.read(at)}\n`);
      },
    },
    {
      name: 'lacks a suite',
      code: 'E_APT_NO_SUITE',
      says: 'stabel',
      changes: () => ({ suites: ['stable', 'stabel'] }),
    },
    { name: 'lacks the architecture', code: 'E_APT_NO_SUITE', says: 'arm64', changes: () => ({ arch: 'arm64' }) },
    {
      name: 'lacks a package',
      code: 'E_APT_NO_PACKAGE',
      says: 'tol (there is tool',
      changes: () => ({ packages: ['tool', 'tol'] }),
    },
    {
      name: 'has a package as a virtual one only',
      code: 'E_APT_NO_PACKAGE',
      says: /mta is a virtual package, provided by mta-., mta-./,
      changes: () => ({ packages: ['mta'] }),
    },
    {
      name: 'has no package of a name that apt would take for a pattern',
      code: 'E_APT_NO_PACKAGE',
      says: 'to.l',
      changes: () => ({ packages: ['to.l'] }),
    },
    {
      name: 'has packages that exclude each other',
      code: 'E_APT_UNSOLVABLE',
      says: 'rival : Conflicts: tool',
      changes: () => ({ packages: ['tool', 'rival'] }),
    },
    {
      name: 'lacks a dependency',
      code: 'E_APT_UNSOLVABLE',
      says: 'needy : Depends: libc (>= 9)',
      changes: () => ({ packages: ['needy'] }),
    },
    {
      name: 'lacks a version that is pinned',
      code: 'E_APT_UNSOLVABLE',
      says: 'libc 3.*, which is pinned; there is 2.0-1',
      changes: () => ({ pins: [{ package: 'libc', version: '3.*', reason: 'because', expires: null }] }),
    },
  ];

  for (const fault of faults) {
    it(`that ${fault.name} ends with ${fault.code}`, async () => {
      await fault.break?.();
      await expectRefusal(image.resolve(fault.changes?.()), fault.code, fault.says);
    });
  }

  it('never takes the lists of the last time for today’s', async () => {
    await image.resolve();
    for (const [index, fault] of faults.filter(({ break: breaks }) => breaks !== undefined).entries()) {
      image.archive.answers.clear();
      await image.archive.publish('stable', {
        packages: [...suite, stanzaText('libc', `3.${index}`)],
        date: new Date(),
      });
      await fault.break?.();
      const error = await image.resolve().catch((thrown) => thrown);
      expect(error, fault.name).to.be.instanceOf(LockstepError);
    }
  });
});

async function expectRefusal(work: Promise<unknown>, code: ErrorCode, says: string | RegExp): Promise<void> {
  const { message } = await refusal(work, code);
  if (typeof says === 'string') expect(message).to.contain(says);
  else expect(message).to.match(says);
}
