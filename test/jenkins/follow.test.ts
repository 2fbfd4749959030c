import { expect } from 'chai';
import { LockstepError } from '../../src/errors/index.ts';
import { type FollowOptions, triggerAndFollow } from '../../src/jenkins/follow.ts';
import { type Behaviour, type Controller, startController } from './controller.ts';

describe('triggerAndFollow', () => {
  let controller: Controller;
  afterEach(() => controller.close());

  async function follow(behaviour: Partial<Behaviour> = {}, changes: Partial<FollowOptions> = {}) {
    controller = await startController(behaviour);
    return triggerAndFollow({
      url: `${controller.url}/`,
      credentials: null,
      job: 'images/gate',
      parameters: { LOCKSTEP_COMMIT: 'abc', NOTE: 'a b&c' },
      signal: new AbortController().signal,
      timeoutMs: 10_000,
      pace: { first: 5, longest: 20, patience: 500 },
      ...changes,
    });
  }

  async function failureOf(work: Promise<unknown>): Promise<LockstepError> {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error instanceof LockstepError) return error;
    throw error ?? new Error('It did not fail');
  }

  const triggers = () => controller.requests.filter((request) => request.includes('buildWithParameters'));

  it('triggers with parameters and returns the result of the build', async () => {
    const build = await follow({ queue: ['waiting', 'waiting'], build: ['building', 'building'] });
    const url = `${controller.url}/job/images/job/gate/12/`;
    expect(build).to.deep.equal({ number: 12, url, result: 'SUCCESS' });
    expect(controller.triggered).to.deep.equal([{ LOCKSTEP_COMMIT: 'abc', NOTE: 'a b&c' }]);
  });

  for (const result of ['UNSTABLE', 'FAILURE', 'ABORTED', 'NOT_BUILT']) {
    it(`returns ${result} as a result, not as an error`, async () => {
      expect(await follow({ result })).to.include({ result });
    });
  }

  it('waits for an item and a build that are not there yet', async () => {
    expect(await follow({ queue: ['missing', 'waiting'], build: ['missing', 'building'] })).to.include({ number: 12 });
  });

  it('sends the crumb and its session when the controller demands them', async () => {
    expect(await follow({ crumb: 'wanted' })).to.include({ result: 'SUCCESS' });
  });

  it('shows user and token, and nowhere but in the header', async () => {
    const credentials = { user: 'night', token: '11secret' };
    expect(await follow({ credentials: 'night:11secret' }, { credentials })).to.include({ result: 'SUCCESS' });
    expect(controller.requests.join()).not.to.contain('11secret');
  });

  it('says that the credentials were refused, without showing them', async () => {
    const credentials = { user: 'night', token: 'wr0ng' };
    const error = await failureOf(follow({ credentials: 'night:right' }, { credentials }));
    expect(error.code).to.equal('E_JENKINS_UNREACHABLE');
    expect(error.message).to.match(/refused the credentials \(401/);
    expect(`${error.message} ${error.hint}`).not.to.contain('wr0ng');
  });

  it('waits for a controller that restarts, before the trigger and while it follows', async () => {
    const build = await follow({ restarting: 3, build: ['building', 'restarting', 'cut', 'building'] });
    expect(build).to.include({ result: 'SUCCESS' });
    expect(triggers()).to.have.length(1);
  });

  it('gives up when the controller stays away', async () => {
    const error = await failureOf(follow({ restarting: 1e6 }, { pace: { first: 5, longest: 10, patience: 60 } }));
    expect(error).to.include({ code: 'E_JENKINS_UNREACHABLE' });
    expect(error.message).to.match(/does not answer \(503\)/);
  });

  it('says that nobody listens at the address', async () => {
    const pace = { first: 5, longest: 10, patience: 60 };
    const error = await failureOf(follow({}, { url: 'http://127.0.0.1:1', pace }));
    expect(error).to.include({ code: 'E_JENKINS_UNREACHABLE' });
    expect(error.message).to.match(/ECONNREFUSED/);
  });

  it('names a job that is not there, at once', async () => {
    const error = await failureOf(follow({}, { job: 'images/gaet' }));
    expect(error).to.include({ code: 'E_JENKINS_UNREACHABLE' });
    expect(error.message).to.match(/does not have images\/gaet/);
  });

  it('fails when the item is cancelled in the queue', async () => {
    const error = await failureOf(follow({ queue: ['waiting', 'cancelled'] }));
    expect(error).to.include({ code: 'E_JENKINS_BUILD' });
    expect(error.message).to.match(/cancelled in the queue/);
  });

  it('stops a build that does not end in time', async () => {
    const error = await failureOf(follow({ build: ['stuck'] }, { timeoutMs: 150 }));
    expect(error).to.include({ code: 'E_JENKINS_BUILD' });
    expect(error.message).to.match(/images\/gate #12 .* did not end/);
    expect(controller.requests).to.include('POST /job/images/job/gate/12/stop');
  });

  it('takes its item out of the queue when it is interrupted', async () => {
    const stop = new AbortController();
    const onState = () => stop.abort();
    const error = await failureOf(follow({ queue: ['stuck'] }, { signal: stop.signal, onState }));
    expect(error).to.include({ code: 'E_INTERRUPTED' });
    expect(controller.requests).to.include('POST /queue/item/7/cancelQueue');
  });

  it('hands out the log line by line, each once', async () => {
    const lines: string[] = [];
    const log = 'Started by night\nBuilding\r\nFinished: SUCCESS';
    await follow({ log, build: ['building', 'building'] }, { onLine: (line) => lines.push(line) });
    expect(lines).to.deep.equal(['Started by night', 'Building', 'Finished: SUCCESS']);
  });

  it('refuses a URL with credentials, which would end in logs', async () => {
    const error = await failureOf(follow({}, { url: 'http://night:secret@127.0.0.1:1' }));
    expect(error).to.include({ code: 'E_CONFIG_VALUE' });
    expect(error.message).not.to.contain('secret');
  });
});
