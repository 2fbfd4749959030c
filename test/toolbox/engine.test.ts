import { expect } from 'chai';
import { silent } from '../../src/progress/progress.ts';
import { builderImage } from '../../src/toolbox/docker/builder.ts';
import { findEngine } from '../../src/toolbox/docker/engine.ts';
import { fakeEngine, withEnvironment } from './fake-engine.ts';

const never = new AbortController().signal;

describe('finding the Docker engine', () => {
  it('asks the one that DOCKER_HOST names', async () => {
    const engine = await fakeEngine((_, response) => response.end('{"Version":"99.1","Arch":"amd64"}'));
    try {
      const found = await withEnvironment({ DOCKER_HOST: engine.host }, () => findEngine());
      expect(found).to.include({ version: '99.1', address: engine.host });
    } finally {
      await engine.close();
    }
  });

  it('says that there is no such socket', async () => {
    const error = await withEnvironment({ DOCKER_HOST: 'unix:///no/such.sock' }, () => findEngine()).catch((e) => e);
    expect(error.code).to.equal('E_TOOLBOX_ENGINE');
    expect(error.message).to.contain('/no/such.sock').and.to.contain('no such socket');
  });

  it('says that nothing listens', async () => {
    const error = await withEnvironment({ DOCKER_HOST: 'tcp://127.0.0.1:1' }, () => findEngine()).catch((e) => e);
    expect(error.message).to.contain('127.0.0.1:1').and.to.contain('nothing listens');
  });

  it('gives up an engine that accepts but does not answer', async () => {
    const engine = await fakeEngine(() => {});
    try {
      const error = await withEnvironment({ DOCKER_HOST: engine.host }, () => findEngine(never, 200)).catch((e) => e);
      expect(error.code).to.equal('E_TOOLBOX_ENGINE');
      expect(error.message).to.contain('no answer within 0.2 s');
    } finally {
      await engine.close();
    }
  });
});

describe('making the builder image', () => {
  it('fails naming each way that was tried, when there is neither mmdebstrap nor a registry', async () => {
    const engine = await fakeEngine(({ url = '' }, response) => {
      if (url.startsWith('/version')) return response.end('{"Version":"99.1","Arch":"amd64"}');
      // The image is not here, and no registry answers.
      response.writeHead(url.startsWith('/images/create') ? 500 : 404);
      return response.end('{"message":"dial tcp: lookup registry: no such host"}');
    });
    try {
      const error = await withEnvironment({ DOCKER_HOST: engine.host, PATH: '/nonexistent' }, async () =>
        builderImage(await findEngine(), { signal: never, progress: silent }),
      ).catch((e) => e);
      expect(error.code).to.equal('E_TOOLBOX_BUILDER');
      expect(error.message).to.contain('mmdebstrap: not on this machine').and.to.contain('no such host');
      expect(error.hint).to.contain('mmdebstrap');
    } finally {
      await engine.close();
    }
  });

  it('is not done when the engine has it', async () => {
    const asked: string[] = [];
    const engine = await fakeEngine(({ url = '' }, response) => {
      asked.push(url);
      response.end(url.startsWith('/version') ? '{"Version":"99.1","Arch":"amd64"}' : '{"Id":"sha256:0"}');
    });
    try {
      const image = await withEnvironment({ DOCKER_HOST: engine.host }, async () =>
        builderImage(await findEngine(), { signal: never, progress: silent }),
      );
      expect(image).to.match(/^lockstep-builder:[0-9a-f]{12}$/);
      expect(asked).to.deep.equal(['/version', `/images/${image}/json`]);
    } finally {
      await engine.close();
    }
  });

  it('names the image after its definition', async () => {
    const engine = await fakeEngine(({ url = '' }, response) =>
      response.end(url.startsWith('/version') ? '{"Version":"99.1","Arch":"amd64"}' : '{"Id":"sha256:0"}'),
    );
    try {
      await withEnvironment({ DOCKER_HOST: engine.host }, async () => {
        const found = await findEngine();
        const name = (dockerfile: string) => builderImage(found, { signal: never, progress: silent, dockerfile });
        expect(await name('FROM a')).to.equal(await name('FROM a'));
        expect(await name('FROM a')).not.to.equal(await name('FROM b'));
      });
    } finally {
      await engine.close();
    }
  });
});
