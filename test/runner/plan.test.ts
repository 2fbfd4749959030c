import path from 'node:path';
import { expect } from 'chai';
import { type Job, nextOf, planOf } from './plan.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('the plan of the tests', () => {
  it('has each test file once, and those that boot devices one at a time while there is something else', async () => {
    const { together, alone } = await planOf(root, 'all');
    const files = [...together, ...alone].flatMap((job) => job.files);
    expect(new Set(files).size).to.equal(files.length);
    expect(files).to.include.members(['test/runner/plan.test.ts', 'test/e2e/device.test.ts', 'test/bundle.test.ts']);
    expect(files.filter((file) => /^test\/(bench\/|faults\/faults\.)/.test(file))).to.deep.equal([]);
    const unit = await planOf(root, 'unit');
    expect(
      unit.together.flatMap((job) => job.files).filter((file) => /^test\/(e2e|groovy)\//.test(file)),
    ).to.deep.equal([]);
  });

  it('begins the first job that fits beside those that run', () => {
    const [a, b, c] = [
      { name: 'a', files: [], boots: true },
      { name: 'b', files: [], boots: true },
      { name: 'c', files: [] },
    ] as [Job, Job, Job];
    const queue = [a, b, c];
    const running = new Set<Job>();
    const taken: (string | undefined)[] = [];
    for (let job = nextOf(queue, running); job !== undefined; job = nextOf(queue, running)) {
      running.add(job);
      taken.push(job.name);
    }
    expect(taken).to.deep.equal(['a', 'c', 'b']);
  });
});
