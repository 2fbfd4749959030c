import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { execa } from 'execa';
import type { Outcome } from '../../src/commands/verb.ts';
import { silent } from '../../src/progress/progress.ts';
import { builderImage } from '../../src/toolbox/docker/builder.ts';
import { findEngine } from '../../src/toolbox/docker/engine.ts';
import { randomFrom } from './drawn-packages.ts';
import { agent } from './lockstep.ts';
import { memoryDisk } from './memory-disk.ts';
import { PrivateEngine } from './private-engine.ts';
import { ostree, temporaryDirectory } from './projects.ts';
import { type BuiltSmall, buildSmall, smallOf, smallProject } from './small-image.ts';
import { containersOf, eventually } from './toolboxes.ts';
import { descendantsOf, isOfTheImage, processes, processesIn, type SeenProcess } from './victims.ts';

// The same moments each time, so that a change is judged by what it changes; another seed for another thirty.
const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 537_894);

/**
 * What is killed, and how often, for each toolbox: the agent, any process of the toolbox, one that runs a program of the
 * image (in the emulator, or its native build), the container, the engine.
 */
const plans: Record<string, Record<string, number>> = {
  host: { agent: 5, process: 4, emulated: 4 },
  docker: { agent: 5, process: 3, emulated: 3, container: 4, engine: 2 },
};

/** How the agent may end then, if it was not killed itself: a script may take no notice of a program that is gone. */
const ofProgram = [null, 'E_TOOL_FAILED', 'E_CONFIGURE', 'E_RUN', 'E_BINFMT'];
const codes: Record<string, (string | null)[]> = {
  process: [...ofProgram, 'E_APT_FAILED', 'E_TOOLBOX_TOOL', 'E_REPO', 'E_MERGE'],
  emulated: ofProgram,
  container: [null, 'E_TOOLBOX_ENGINE'],
  engine: [null, 'E_TOOLBOX_ENGINE'],
};

/** So many kills one after the other, each in the build that goes on after the last; then one is left alone. */
const inARow = 3;

interface Killed {
  victim: string;
  /** Stages that ended before. */
  done: string[];
  outcome: Outcome | null;
}

for (const [toolbox, plan] of Object.entries(plans)) {
  describe(`a build by the ${toolbox} toolbox of which anything is killed at any moment`, function () {
    this.timeout(15 * 60_000);
    const random = randomFrom(seed);
    const victims = shuffled(
      Object.entries(plan).flatMap(([victim, count]) => Array<string>(count).fill(victim)),
      random,
    );
    let dir: string;
    let engine: PrivateEngine | undefined;
    let env: Record<string, string> = {};
    let undisturbed: BuiltSmall;
    let files: string[];
    const killed: Killed[] = [];
    const notes: string[] = [];

    before(async () => {
      dir = await memoryDisk(`kills-${toolbox}`, 1024);
      await smallProject(dir);
      env = { TMPDIR: path.join(dir, 'tmp') };
      await mkdir(env.TMPDIR ?? '');
      await buildSmall(dir, toolbox);
      if (toolbox === 'docker') {
        engine = new PrivateEngine(await temporaryDirectory('engine'));
        await engine.start();
        await engine.load(await builder());
        env = { DOCKER_HOST: engine.address, ...env };
      }
      await forget(dir, () => 0);
      undisturbed = await buildSmall(dir, toolbox, env);
      files = await filesOf(dir);
      console.error(`      seed ${seed} (LOCKSTEP_TEST_SEED); ${lengthOf(undisturbed.stages)} ms a build`);
    });

    after(() => engine?.stop());

    async function kill(victim: string, done: ReadonlySet<string>): Promise<Killed> {
      const argv = [agent, 'build', '-C', dir, '--toolbox', toolbox, '--json'];
      const build = execa('node', argv, { reject: false, stdin: 'ignore', env, timeout: 120_000 });
      const left = undisturbed.stages.filter(({ name }) => !done.has(name));
      const start = toolbox === 'docker' ? 1500 : 500;
      const moment = Math.round(random() * (start + lengthOf(left)));
      await Promise.race([sleep(moment), build]);
      const hit =
        build.exitCode === null || build.exitCode === undefined ? await strike(victim, build.pid ?? 0) : 'none';
      const { stdout, stderr } = await build;
      if (hit === 'engine') await engine?.start();
      const ended = [...stderr.matchAll(/^✓ (\w+)/gm)].map(([, name]) => name ?? '');
      const outcome = stdout === '' ? null : (JSON.parse(stdout) as Outcome);
      const said =
        outcome === null
          ? 'killed'
          : outcome.code === null
            ? outcome.outcome
            : `${outcome.code}: ${outcome.message.split('\n', 1)[0]}`;
      notes.push(`${victim} at ${moment} ms: ${hit}; after ${ended.at(-1) ?? 'nothing'}: ${said}`);
      return { victim: hit === 'none' ? 'none' : victim, done: ended, outcome };
    }

    /** Kills it as soon as there is one; says what it was. */
    async function strike(victim: string, pid: number): Promise<string> {
      for (let all = await processes(); all.some(isAlive(pid)); all = await processes()) {
        const containers = toolbox === 'docker' ? await containersOf(dir, env) : [];
        const working = containers[0] === undefined ? descendantsOf(pid, all) : processesIn(containers[0], all);
        const hit = await strikeAmong(victim, pid, working, containers[0]);
        if (hit !== null) return hit;
        await sleep(victim === 'emulated' ? random() * 1000 : 20);
      }
      return 'none';
    }

    async function strikeAmong(victim: string, pid: number, working: SeenProcess[], container: string | undefined) {
      if (victim === 'agent') return signal(pid) ? victim : null;
      if (victim === 'engine') return engine?.kill().then(() => victim) ?? null;
      if (victim === 'container') {
        if (container === undefined) return null;
        return (await execa('docker', ['kill', container], { env, reject: false })).exitCode === 0 ? victim : null;
      }
      // What only holds the container is no less than the container.
      const from = working.filter(
        victim === 'emulated' ? isOfTheImage : ({ program }) => !/\/(docker-init|cat)$/.test(program),
      );
      const one = from[Math.floor(random() * from.length)];
      return one !== undefined && signal(one.pid) ? one.command.slice(0, 70).replaceAll('\n', ' ') : null;
    }

    async function expectNothingLeft(): Promise<void> {
      const left = async () => {
        const of = engine === undefined ? [dir] : [dir, path.join(engine.directory, 'data/overlay2')];
        const running = (await processes()).filter(
          ({ command, root }) => command.includes(dir) || root.startsWith(dir),
        );
        const containers = toolbox === 'docker' ? await containersOf(dir, env) : [];
        return [...(await mountsBelow(of)), ...running.map(({ command }) => command), ...containers];
      };
      await eventually(async () => (await left()).length === 0);
      expect(await left(), notes.at(-1)).to.deep.equal([]);
    }

    async function expectSame(built: BuiltSmall): Promise<void> {
      expect(built.commit, notes.slice(-inARow).join('\n')).to.equal(undisturbed.commit);
      const now = await filesOf(dir);
      const [more, less] = [now.filter((file) => !files.includes(file)), files.filter((file) => !now.includes(file))];
      expect({ more, less }, notes.slice(-inARow).join('\n')).to.deep.equal({ more: [], less: [] });
      await ostree(dir, 'fsck', '--quiet');
      await expectNothingLeft();
    }

    it('leaves nothing at work, and the next one makes the same commit in a sound repository', async () => {
      let done = new Set<string>();
      let row = 0;
      const startOver = async () => {
        await forget(dir, random);
        done = new Set();
        row = 0;
      };
      await startOver();
      for (let victim = victims.pop(); victim !== undefined; ) {
        const end = await kill(victim, done);
        await expectNothingLeft();
        for (const name of end.done) done.add(name);
        if (end.outcome !== null) expect(end.outcome.code, notes.at(-1)).to.be.oneOf(codes[end.victim] ?? [null]);
        if (end.victim !== 'none') {
          killed.push(end);
          row += 1;
          victim = victims.pop();
        }
        const ended = end.outcome !== null && end.outcome.code === null;
        if (!ended && row < inARow) continue;
        await expectSame(ended ? smallOf(end.outcome as Outcome) : await buildSmall(dir, toolbox, env));
        await startOver();
      }
      await expectSame(await buildSmall(dir, toolbox, env));
      console.error(notes.map((note) => `      ${note}`).join('\n'));
      expect(killed).to.have.length(Object.values(plan).reduce((sum, count) => sum + count));
    });
  });
}

function lengthOf(stages: readonly { ms: number }[]): number {
  return stages.reduce((sum, { ms }) => sum + ms, 0);
}

function shuffled<T>(items: T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

const isAlive = (wanted: number) => (one: SeenProcess) => one.pid === wanted && one.program !== '';

/** False when it is gone already. */
function signal(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

async function builder(): Promise<string> {
  const { signal } = new AbortController();
  return builderImage(await findEngine(), { signal, progress: silent });
}

/** Takes the stages back, and some of the debs (those for which `random` gives less than a third), objects and all. */
async function forget(dir: string, random: () => number): Promise<void> {
  const refs = path.join(dir, '.lockstep/repo/refs/heads');
  for (const name of ['unpacked', 'configured', 'observed-configure', 'customised', 'deployable']) {
    await rm(path.join(refs, 'lockstep', name), { recursive: true, force: true });
  }
  await rm(path.join(refs, 'small'), { recursive: true, force: true });
  for (const deb of (await readdir(path.join(refs, 'dpkg/data'))).sort()) {
    if (random() < 1 / 3) await rm(path.join(refs, 'dpkg/data', deb));
  }
  await ostree(dir, 'prune', '--refs-only');
}

/**
 * Everything below a project but the objects, which are judged by ostree, apt's lists, and what was seen to be read, which is
 * noted after a stage has ended.
 */
async function filesOf(dir: string): Promise<string[]> {
  const aside = ['.lockstep/repo/objects', '.lockstep/apt', '.lockstep/repo/refs/heads/lockstep/observed-configure'];
  const but = aside.flatMap((name) => ['-path', `./${name}`, '-prune', '-o']);
  const { stdout } = await execa('find', ['.', ...but, '-print'], { cwd: dir });
  return stdout.split('\n').sort();
}

async function mountsBelow(dirs: readonly string[]): Promise<string[]> {
  const targets = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  return targets.filter((target) => dirs.some((dir) => target.startsWith(`${dir}/`)));
}
