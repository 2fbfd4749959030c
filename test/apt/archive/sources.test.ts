import { expect } from 'chai';
import { archiveOf } from '../../../src/apt/archive/sources.ts';
import { LockstepError } from '../../../src/errors/index.ts';
import type { Toolbox } from '../../../src/toolbox/toolbox.ts';
import { imageConfig } from '../samples.ts';

const bookwormHost = `target main bookworm http://mirror.example/debian/
target main bookworm http://mirror.example/debian/
target stable bookworm https://tools.example/linux/debian/
target main bookworm-updates http://mirror.example/debian/
target main nodistro https://node.example/
target main bookworm-security http://mirror.example/debian-security/
target main local cdrom://disc/
Acquire::http::Proxy "http://cache.example:3142";
Acquire::http::Proxy::near.example "DIRECT";
Acquire::Languages "";
`;

/** A toolbox whose apt is set up as the text says; counts how often it was asked. */
function toolboxSaying(stdout: string): Toolbox & { asked: number } {
  const toolbox = {
    asked: 0,
    run: async () => {
      toolbox.asked += 1;
      return { exitCode: 0, stdout, stderr: '' };
    },
  };
  return toolbox as unknown as Toolbox & { asked: number };
}

describe('the archive of an image', () => {
  const toolbox = toolboxSaying(bookwormHost);
  const archive = (suites: string[], mirror: string | null = null) =>
    archiveOf(toolbox, imageConfig({ suites, mirror }), {});
  const bases = async (suites: string[], mirror: string | null = null) =>
    (await archive(suites, mirror)).suites.map(({ suite, base }) => `${suite} ${base}`);

  it('is what the toolbox’s own apt uses for each suite', async () => {
    expect(await bases(['bookworm', 'bookworm-updates', 'bookworm-security'])).to.deep.equal([
      'bookworm http://mirror.example/debian',
      'bookworm-updates http://mirror.example/debian',
      'bookworm-security http://mirror.example/debian-security',
    ]);
  });

  it('gives suites that apt does not list the base of the same kind of suite', async () => {
    expect(await bases(['trixie', 'trixie-security'])).to.deep.equal([
      'trixie http://mirror.example/debian',
      'trixie-security http://mirror.example/debian-security',
    ]);
  });

  it('asks a toolbox only once', () => {
    expect(toolbox.asked).to.equal(1);
  });

  it('is the mirror of the image instead, with the security archive beside it', async () => {
    expect(await bases(['bookworm', 'bookworm-security'], 'https://m.example/debian/')).to.deep.equal([
      'bookworm https://m.example/debian',
      'bookworm-security https://m.example/debian-security',
    ]);
  });

  it('is one base for all suites with a mirror that is not laid out as Debian’s', async () => {
    expect(await bases(['bookworm', 'bookworm-security'], 'https://m.example/all')).to.deep.equal([
      'bookworm https://m.example/all',
      'bookworm-security https://m.example/all',
    ]);
  });

  it('looks for a deb of the security pool there first, for others last', async () => {
    const { candidates } = await archive(['bookworm', 'bookworm-updates', 'bookworm-security']);
    expect(candidates('pool/updates/main/o/openssl/openssl_3.0.17-1~deb12u2_armhf.deb')).to.deep.equal([
      'http://mirror.example/debian-security/pool/updates/main/o/openssl/openssl_3.0.17-1~deb12u2_armhf.deb',
      'http://mirror.example/debian/pool/updates/main/o/openssl/openssl_3.0.17-1~deb12u2_armhf.deb',
    ]);
    expect(candidates('pool/main/g/g/libg++_1%3a2+b1_all.deb')).to.deep.equal([
      'http://mirror.example/debian/pool/main/g/g/libg%2B%2B_1%253a2%2Bb1_all.deb',
      'http://mirror.example/debian-security/pool/main/g/g/libg%2B%2B_1%253a2%2Bb1_all.deb',
    ]);
  });

  it('is refused when nothing tells where a suite is', async () => {
    const error = await archiveOf(toolboxSaying(''), imageConfig({ suites: ['bookworm'] }), {}).catch(
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(LockstepError);
    expect(error.code).to.equal('E_APT_NO_SUITE');
    expect(error.message).to.contain('serves bookworm');
  });

  describe('and its proxy', () => {
    const proxy = async (url: string, environment: NodeJS.ProcessEnv = {}, config = bookwormHost) =>
      (await archiveOf(toolboxSaying(config), imageConfig(), environment)).proxy(url);
    const bare = 'target main bookworm http://mirror.example/debian/\n';

    it('is that of apt, for https too, unless a host is excepted', async () => {
      expect(await proxy('http://mirror.example/debian')).to.equal('http://cache.example:3142');
      expect(await proxy('https://mirror.example/debian')).to.equal('http://cache.example:3142');
      expect(await proxy('http://near.example/debian')).to.equal(null);
    });

    it('is that of the environment when apt says nothing', async () => {
      const environment = { http_proxy: 'http://env.example:80', no_proxy: 'near.example,.lab' };
      expect(await proxy('http://mirror.example/debian', environment, bare)).to.equal('http://env.example:80');
      expect(await proxy('https://mirror.example/debian', environment, bare)).to.equal(null);
      expect(await proxy('http://near.example/debian', environment, bare)).to.equal(null);
      expect(await proxy('http://a.lab/debian', environment, bare)).to.equal(null);
      expect(await proxy('http://mirror.example/debian', {}, bare)).to.equal(null);
    });
  });
});
