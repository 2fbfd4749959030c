import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type PipelineOptions, runPipeline } from './pipeline.ts';

/** An agent that shows what it was called with, and ends as it is told to. */
function standIn(outcome: Record<string, unknown>, exit: number, publishes = true): string {
  const text = JSON.stringify({ code: null, hint: null, ...outcome });
  return `
    import { mkdirSync, writeFileSync } from 'node:fs';
    console.error('ARGV ' + JSON.stringify(process.argv.slice(2)));
    console.error('USER ' + process.env.LOCKSTEP_JENKINS_USER);
    mkdirSync('.lockstep/run', { recursive: true });
    if (${publishes}) writeFileSync('.lockstep/run/result.json', '{}');
    console.log(${JSON.stringify(text)});
    process.exit(${exit});`;
}

const well = standIn({ outcome: 'ok', message: '1 image built\nand more' }, 0);

function argvIn(log: string): string[] {
  return JSON.parse(/^ARGV (.*)$/m.exec(log)?.[1] ?? 'null');
}

describe('the steps of the shared library, under Groovy', function () {
  this.timeout(60_000);

  const run = (pipeline: string, options: Partial<PipelineOptions> = {}) => runPipeline({ pipeline, ...options });
  const steps = (calls: { step: string }[]) => calls.map(({ step }) => step).filter((step) => step !== 'writeFile');

  describe('with the agent of this repository', () => {
    it('fail with what the agent says when there is no lockstep.yml', async () => {
      const { error, description } = await run('lockstepBuild()');
      expect(error?.type).to.equal('StepFailure');
      expect(error?.message).to.match(/lockstep build: E_CONFIG_MISSING: .*\n {2}hint: .*-C DIR/);
      expect(description).to.match(/there is no lockstep\.yml/);
    });

    it('find the lockstep.yml of another directory, and name its mistakes by line', async () => {
      const { error } = await run("lockstepBuild(dir: 'sub dir')", {
        files: {
          'sub dir/lockstep.yml': 'images:\n  panel: {arch: armhf, suites: [bookworm], packages: [dash]}\nimagse: {}\n',
        },
      });
      expect(error?.message).to.match(/E_CONFIG_KEY: .*lockstep\.yml:3.*imagse/);
    });

    it('fail when a flag names what is not there', async () => {
      const lockstepYml = 'images:\n  panel: {arch: armhf, suites: [bookworm], packages: [dash]}\n';
      const { error } = await run("lockstepBuild(image: 'panle')", { files: { 'lockstep.yml': lockstepYml } });
      expect(error?.message).to.match(/E_NO_SUCH_IMAGE: .*panle\n {2}hint: did you mean panel/);
    });
  });

  it('run the verb, return the outcome as a plain map and describe the build by its first line', async () => {
    const { calls, returned, error, description, result, log } = await run('lockstepBuild()', { agent: well });
    expect(error).to.equal(null);
    expect(returned).to.deep.include({ outcome: 'ok', message: '1 image built\nand more' });
    expect([description, result]).to.deep.equal(['1 image built', null]);
    expect(argvIn(log)).to.deep.equal(['build', '--json', '-C', '.']);
    expect(steps(calls)).to.deep.equal(['sh']);
  });

  it('keep the agent out of version control', async () => {
    const { calls } = await run('lockstepBuild(dir: "./a/")', { agent: well, files: { 'a/x': '' } });
    const written = calls.filter(({ step }) => step === 'writeFile').map(({ args }) => (args as { file: string }).file);
    expect(written).to.deep.equal([
      'a/.lockstep/agent/agent.mjs',
      'a/.lockstep/agent/.gitignore',
      'a/.lockstep/agent/started',
    ]);
  });

  it('add up descriptions', async () => {
    const { description } = await run('lockstepUpdate()\nlockstepBuild()', { agent: well });
    expect(description).to.equal('1 image built\n1 image built');
  });

  it('turn parameters into flags, quoted for the shell', async () => {
    const pipeline = `lockstepDeploy(image: 'panel', device: ['a', "b'c; echo \\$HOME"], label: 'x y', toolbox: 'docker', commit: 'panel/armhf')`;
    const { log } = await run(pipeline, { agent: well });
    expect(argvIn(log).slice(4).join('|')).to.equal(
      "--image|panel|--toolbox|docker|--device|a|--device|b'c; echo $HOME|--label|x y|--commit|panel/armhf",
    );
  });

  it('give a flag without a value for true, and none for false', async () => {
    const { log } = await run('lockstepUpdate(check: true)', { agent: well });
    expect(argvIn(log)).to.deep.equal(['update', '--json', '-C', '.', '--check']);
    const some = await run("lockstepUpdate(only: ['openssl', 'curl'])", { agent: well });
    expect(argvIn(some.log).slice(4).join(' ')).to.equal('--only openssl --only curl');
    const told = "minimumAge: '0s', allowSuiteRollback: ['a-security', 'b'], allowExpired: 'c', withoutSuite: 'd'";
    const risky = await run(`lockstepUpdate(${told})`, { agent: well });
    expect(argvIn(risky.log).slice(4).join(' ')).to.equal(
      '--minimum-age 0s --without-suite d --allow-expired c --allow-suite-rollback a-security --allow-suite-rollback b',
    );
    const two = await run("lockstepGc(keepRev: ['main', 'v1'], keepCommits: 2, dryRun: true)", { agent: well });
    expect(argvIn(two.log).slice(4).join(' ')).to.equal('--keep-rev main --keep-rev v1 --keep-commits 2 --dry-run');
    const off = await run('lockstepUpdate(check: false)', { agent: well });
    expect(argvIn(off.log)).not.to.include('--check');
  });

  it('fail the build for exit 1, with message, code and hint, and publish what there is', async () => {
    const outcome = { outcome: 'failed', code: 'E_DEPLOY', message: 'bench-1: never-returned', hint: 'Look there' };
    const { calls, error, result } = await run('lockstep()', { agent: standIn(outcome, 1) });
    expect(error?.message).to.equal('lockstep run: E_DEPLOY: bench-1: never-returned\n  hint: Look there');
    expect(result).to.equal(null);
    expect(steps(calls)).to.deep.equal(['sh', 'sh', 'junit', 'archiveArtifacts', 'error']);
  });

  it('make the build unstable for exit 3, and go on', async () => {
    const outcome = { outcome: 'unstable', code: 'E_TESTS_FAILED', message: '1 of 4 tests failed' };
    const pipeline = "def outcome = lockstepTest()\necho('next')\nreturn outcome";
    const { calls, error, result, returned } = await run(pipeline, { agent: standIn(outcome, 3) });
    expect([error, result]).to.deep.equal([null, 'UNSTABLE']);
    expect(steps(calls)).to.deep.equal(['sh', 'sh', 'junit', 'archiveArtifacts', 'unstable', 'echo']);
    expect(returned).to.include({ outcome: 'unstable' });
  });

  it('do not publish again what the workspace kept from another build', async () => {
    const old = { '.lockstep/run/result.json': '{}', '.lockstep/run/junit/a.xml': '<testsuite/>' };
    const { calls, error } = await run('lockstepRefresh()', {
      agent: standIn({ outcome: 'unchanged', message: 'Nothing changed' }, 0, false),
      files: old,
    });
    expect(error).to.equal(null);
    expect(steps(calls)).to.deep.equal(['sh', 'sh']);
  });

  it('leave the cases of a deployment that went well to the tests after it, which tell them again', async () => {
    const { calls } = await run('lockstepDeploy()', { agent: well });
    expect(steps(calls)).to.deep.equal(['sh', 'sh', 'archiveArtifacts']);
    const failed = await run('lockstepDeploy()', { agent: standIn({ outcome: 'failed', message: 'no' }, 1) });
    expect(steps(failed.calls)).to.include('junit');
  });

  it('publish the results below the directory of lockstep.yml', async () => {
    const agent = standIn({ outcome: 'ok', message: 'well' }, 0).replaceAll('.lockstep/run', 'a/.lockstep/run');
    const { calls } = await run("lockstepTest(dir: 'a')", { agent, files: { 'a/x': '' } });
    const published = calls.filter(({ step }) => step === 'junit' || step === 'archiveArtifacts');
    expect(published.map(({ args }) => args)).to.deep.equal([
      { testResults: 'a/.lockstep/run/junit/*.xml', allowEmptyResults: true },
      { artifacts: 'a/.lockstep/run/**', allowEmptyArchive: true },
    ]);
  });

  it('say what is missing when there is no answer at all', async () => {
    const { error } = await run('lockstepBuild()', { agent: 'process.exit(127)' });
    expect(error?.message).to.match(/ended with exit 127 and no answer: is Node 20 on the PATH of node-at-hand\?/);
  });

  for (const [step, wrong, right] of [
    ['lockstep', 'devise', 'device'],
    ['lockstepUpdate', 'chek', 'check'],
    ['lockstepBuild', 'toolbx', 'toolbox'],
    ['lockstepDeploy', 'comit', 'commit'],
    ['lockstepTest', 'lable', 'label'],
    ['lockstepRefresh', 'gitCredential', 'gitCredentials'],
    ['lockstepGc', 'keepCommit', 'keepCommits'],
  ]) {
    it(`refuse ${wrong} of ${step} and name ${right}, before anything is done`, async () => {
      const { calls, error } = await run(`${step}(${wrong}: 'x')`, { onNode: false });
      expect(error?.message).to.equal(`${step} has no parameter '${wrong}': did you mean '${right}'?`);
      expect(steps(calls)).to.deep.equal(['error']);
    });
  }

  it('list the parameters when none is near', async () => {
    const { error } = await run("lockstepBuild(bananas: 'x')");
    expect(error?.message).to.match(/it has: dir, image, lock, node, toolbox$/);
  });

  it('refuse a directory outside of the workspace', async () => {
    for (const dir of ['/etc', 'a/../../b']) {
      const { error } = await run(`lockstepBuild(dir: '${dir}')`);
      expect(error?.message).to.match(/must lie in the workspace/);
    }
  });

  it('let an interruption through, untouched', async () => {
    const { calls, error, result } = await run('lockstep()', { agent: well, interrupted: true });
    expect(error?.type).to.equal('FlowInterruptedException');
    expect(result).to.equal(null);
    expect(steps(calls)).to.deep.equal(['sh']);
  });

  it('lock devices before they take a node, and check out there', async () => {
    const pipeline = "lockstep(node: 'linux', lock: ['bench-1', 'bench-2'])";
    const { calls, error } = await run(pipeline, { agent: well, onNode: false });
    expect(error).to.equal(null);
    const outer = calls.filter(({ step }) => ['lock', 'node', 'checkout', 'sh'].includes(step));
    expect(outer.map(({ step, node }) => [step, node])).to.deep.equal([
      ['lock', null],
      ['node', null],
      ['checkout', 'node-linux'],
      ['sh', 'node-linux'],
      ['sh', 'node-linux'],
    ]);
    expect(outer[0]?.args).to.deep.equal({ resource: 'bench-1', extra: [{ resource: 'bench-2' }] });
  });

  it('refuse a node that is not Linux', async () => {
    const { error } = await run('lockstepBuild()', { agent: well, unix: false });
    expect(error?.message).to.match(/needs a Linux node: node-at-hand is not one/);
  });

  it('bind credentials around the agent, never on its command line', async () => {
    const pipeline = "lockstepRefresh(author: 'Night <n@example.org>', credentials: 'api', gitCredentials: 'push')";
    const { calls, error, log } = await run(pipeline, { agent: well });
    expect(error).to.equal(null);
    expect(log).to.contain('USER bound-user');
    expect(argvIn(log)).to.deep.equal(['refresh', '--json', '-C', '.', '--author', 'Night <n@example.org>']);
    expect(JSON.stringify(calls.filter(({ step }) => step === 'sh'))).not.to.match(/bound|api|push/);
  });

  describe('the Jenkinsfile of this repository', () => {
    const root = path.resolve(import.meta.dirname, '../..');

    // Its own shell commands are shown, not run: they would check this repository within its check.
    const pipeline = readFileSync(path.join(root, 'Jenkinsfile'), 'utf8').replaceAll(/^(\s*)sh /gm, '$1echo ');
    const files = { 'examples/panel/lockstep.yml': '' };

    async function verbsRun(causes: string[]) {
      const { calls, error } = await run(pipeline, { agent: well, onNode: false, files, causes });
      expect(error).to.equal(null);
      const scripts = calls.filter(({ step }) => step === 'sh').map(({ args }) => (args as { script: string }).script);
      return scripts.flatMap((script) => /agent\.mjs (\w+) --json -C examples\/panel/.exec(script)?.[1] ?? []);
    }

    it('builds, deploys and tests the example after a push', async () => {
      expect(await verbsRun([])).to.deep.equal(['update', 'build', 'run']);
    });

    it('refreshes too at night', async () => {
      expect(await verbsRun(['timer'])).to.deep.equal(['update', 'build', 'run', 'refresh']);
    });
  });
});
