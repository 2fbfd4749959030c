import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { archiveOf } from '../../src/apt/archive/sources.ts';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import { importDebs } from '../../src/image/import/import.ts';
import { commitMerged } from '../../src/image/merge.ts';
import type { BuildEnvironment } from '../../src/image/stage.ts';
import { readControlFiles, writeAdminFiles } from '../../src/image/unpack/admin-directory.ts';
import { infoName, nameOf } from '../../src/image/unpack/control-files.ts';
import { planRoot } from '../../src/image/unpack/unpack-root.ts';
import { settleAndPlan, type Unpacking } from '../../src/image/unpack/unpacking.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import type { MadeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { draw, packagesIn, randomFrom } from './drawn-packages.ts';
import { oddPackages } from './odd-packages.ts';
import { projectWith, resolve } from './projects.ts';
import { unpackByDpkg, unpackByLockstep, unpackMore } from './real-unpack.ts';
import { openFor, plainBuild } from './toolboxes.ts';
import { describeTree, type TreeEntry } from './tree.ts';
import { download } from './unpack-debs.ts';

const seed = Number(process.env.LOCKSTEP_TEST_SEED ?? 20_240_229);
const count = 300;
const MB = 1_000_000;

/** What few draws find: diversions made by preinst scripts, of files of the essential packages among them; setuid. */
const wanted = ['molly-guard', 'zutils', 'sudo', 'at', 'cron', 'mtr-tiny', 'dbus', 'iputils-ping'];

const yaml = `images:
  drawn:
    arch: armhf
    suites: [bookworm, bookworm-updates, bookworm-security]
    packages: [dpkg, debconf, ucf, adduser]
`;

/** Paths that need not be the same, each with its reason. */
const reasons: [RegExp, string][] = [
  [/^(dev|proc|sys|run)(\/|$)/, 'the kernel’s, mounted for the scripts'],
  [
    /^var\/lib\/dpkg\/(lock|lock-frontend|triggers\/(Lock|Unincorp)|(status|statoverride)-old)$/,
    'left by a dpkg that ran',
  ],
  [/^var\/lib\/dpkg\/(diversions|statoverride|status)$/, 'compared by their lines: empty where dpkg has none yet'],
  [/^var\/lib\/dpkg\/lockstep(\/|$)/, 'for later steps, gone at the end of the build'],
];

describe('unpacking by lockstep and by dpkg', function () {
  this.timeout(15 * 60_000);
  let build: BuildEnvironment;
  let close: () => Promise<void>;
  let unpacking: Unpacking;
  let drawn: number;
  const failing: MadeDeb[] = [];
  let ours: Map<string, TreeEntry>;
  let theirs: Map<string, TreeEntry>;
  const root = (whose: 'ours' | 'theirs') => path.join(build.work, whose);

  before(async () => {
    const dir = await projectWith('unpack', yaml);
    const without = await resolve(dir, '--toolbox', 'host');
    const toolbox = await openFor(dir, 'host');
    const workspace = workspaceOf(dir);
    build = plainBuild(toolbox, dir);
    close = () => toolbox.close();
    await toolbox.run(['mkdir', '-p', build.work]);
    await ensureRepo(toolbox, build.repo, 'bare');

    const base = parseLockfile(await readFile(`${dir}/drawn.lock`, 'utf8'), 'drawn.lock').packages;
    const index = await packagesIn(`${workspace.apt}/drawn/lists`);
    const limits = { count, largest: 0.5 * MB, total: 40 * MB };
    const chosen = draw(index, { ...limits, random: randomFrom(seed), with: base, wanted });
    drawn = chosen.length;
    console.error(`      seed ${seed} (LOCKSTEP_TEST_SEED) drew ${drawn} packages`);
    const suites = ['bookworm', 'bookworm-updates', 'bookworm-security'].filter((suite) => !without.includes(suite));
    const archive = await archiveOf(toolbox, { name: 'drawn', suites, mirror: null });
    const kept = process.env.LOCKSTEP_TEST_DEBS ?? path.join(dir, 'debs');
    const debs = [...(await download([...base, ...chosen], archive, kept)), ...(await oddPackages())];
    await importAll(debs);
    const unpacked = await unpackAsLockstep(debs);
    ours = await describeTree(root('ours'));
    await unpackAsDpkg(unpacked);
    theirs = await describeTree(root('theirs'));
  });

  after(() => close());

  async function importAll(debs: readonly MadeDeb[]): Promise<void> {
    const server = await DebServer.open();
    try {
      for (const deb of debs) server.serve(deb);
      const { candidates } = server;
      await importDebs({ ...build, packages: debs, candidates, proxy: () => null });
    } finally {
      server.close();
    }
  }

  /** Leaves out what has a file of another one, as lockstep tells it. */
  async function withoutConflicts(debs: readonly MadeDeb[]): Promise<MadeDeb[]> {
    let left = [...debs];
    for (;;) {
      const packages = await readControlFiles(build, left);
      try {
        unpacking = await settleAndPlan(build, packages, left);
        return left;
      } catch (error) {
        if ((error as LockstepError).code !== 'E_FILE_CONFLICT') throw error;
        const told = [...(error as Error).message.matchAll(/ is in (\S+) \S+ \S+ and in (\S+) /g)];
        console.error(`      left out: ${told.map(([text, , second]) => `${second} (${text.trim()})`).join(', ')}`);
        expect(told).to.not.deep.equal([]);
        const out = new Set(told.map(([, , second]) => second));
        left = left.filter((deb) => !out.has(deb.package));
      }
    }
  }

  /** Leaves out, too, what has a preinst script that fails for want of what was not drawn; returns what is unpacked. */
  async function unpackAsLockstep(debs: readonly MadeDeb[]): Promise<MadeDeb[]> {
    const { toolbox, repo } = build;
    let left = [...debs];
    for (;;) {
      left = await withoutConflicts(left);
      await toolbox.run(['rm', '-rf', root('ours')]);
      await commitMerged(build, 'unpacked', unpacking);
      await toolbox.run(['ostree', `--repo=${repo}`, 'checkout', '--force-copy', 'unpacked', root('ours')]);
      const { admin, steps, conffiles } = planRoot(unpacking);
      await writeAdminFiles(build, root('ours'), admin);
      const { exitCode, said } = await run(unpackByLockstep, [root('ours'), repo, steps], conffiles);
      if (exitCode === 0) return left;
      const [, failed] =
        /^lockstep-script: (\S+) preinst$/.exec(said.findLast((line) => /^lockstep-script:/.test(line)) ?? '') ?? [];
      console.error(`      left out: ${failed}: ${said.at(-1)}`);
      const out = left.find((deb) => deb.package === failed);
      expect(out, said.slice(-10).join('\n')).to.not.equal(undefined);
      failing.push(out!);
      expect(failing.length, said.slice(-10).join('\n')).to.be.below(6);
      left = left.filter((deb) => deb !== out);
    }
  }

  async function unpackAsDpkg(debs: readonly MadeDeb[]): Promise<void> {
    const { order, steps } = unpacking.plan;
    const fileOf = new Map(debs.map((deb) => [deb.package, deb.file]));
    const essential = steps.find((step) => step.verb === 'configure')?.entries ?? [];
    const lines = [...essential, null, ...order].map((entry) => (entry === null ? '' : fileOf.get(nameOf(entry))));
    const { exitCode, said } = await run(unpackByDpkg, [root('theirs')], lines.join('\n'));
    expect(exitCode, said.slice(-20).join('\n')).to.equal(0);
  }

  async function run(script: string, args: string[], input: string | Buffer) {
    const said: string[] = [];
    const onLine = (line: string) => void said.push(line);
    const options = { isolate: true, input, check: false, timeoutMs: 10 * 60_000, onLine };
    const { exitCode } = await build.toolbox.run(['bash', '-c', script, 'bash', ...args], options);
    return { exitCode, said };
  }

  it('is tried on packages of all kinds', () => {
    const entries = unpacking.plan.order;
    const having = (name: string, held: (entry: (typeof entries)[number]) => boolean) => {
      const number = entries.filter(held).length;
      console.error(`      ${number} ${name}`);
      expect(number, name).to.be.above(3);
    };
    expect(drawn).to.be.at.least(count);
    having('with conffiles', ({ conffiles }) => conffiles !== '');
    having('with triggers', ({ triggers }) => triggers !== '');
    having('with a preinst script', ({ preinst }) => preinst !== null);
    having('with diversions', ({ preinst }) => /dpkg-divert/.test(preinst ?? ''));
    having('for all architectures', ({ control }) => control.get('Architecture') === 'all');
    having('Multi-Arch: same', ({ control }) => control.get('Multi-Arch') === 'same');
    const special = [...ours.values()].filter(({ text }) => /^f [2-7]\d\d\d /.test(text));
    console.error(`      ${special.length} setuid or setgid files`);
    expect(special.length).to.be.above(3);
    expect(new Set(entries.map(({ control }) => control.get('Section'))).size).to.be.above(20);
  });

  it('leaves the same files, modes, owners, links and lists', () => {
    const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
    const unlike = names.filter((name) => ours.get(name)?.text !== theirs.get(name)?.text);
    const unexplained = unlike.filter((name) => !reasons.some(([pattern]) => pattern.test(name)));
    const told = unexplained.map((name) => `${name}: ours ${ours.get(name)?.text}, dpkg's ${theirs.get(name)?.text}`);
    expect(told).to.deep.equal([]);
  });

  it('leaves the same status, trigger interests, diversions and overrides', async () => {
    for (const name of ['status', 'triggers/File', 'diversions', 'statoverride', 'info/format']) {
      const [mine, peer] = await Promise.all(
        (['ours', 'theirs'] as const).map((whose) =>
          readFile(path.join(root(whose), 'var/lib/dpkg', name), 'latin1').catch(() => ''),
        ),
      );
      const apart = name === 'status' ? /(?<=\n)\n/ : /(?<=\n)/;
      const [left, right] = [mine!.split(apart), peer!.split(apart)];
      const unlike = left.map((part, at) => [part, right[at]]).filter(([one, other]) => one !== other);
      expect(unlike.slice(0, 3), name).to.deep.equal([]);
      expect(left.length, name).to.equal(right.length);
    }
  });

  it('stops at the preinst scripts that fail under dpkg too', async () => {
    for (const deb of failing) {
      const { exitCode } = await run(unpackMore, [root('theirs')], deb.file);
      expect(exitCode, deb.package).to.not.equal(0);
    }
  });

  it('gives preinst scripts the same to see', async () => {
    const seen = [...ours.keys()].filter((name) => name.startsWith('var/lib/odd-seen/'));
    const scripts = unpacking.plan.order.filter((entry) => entry.preinst?.includes('odd-seen'));
    expect(seen.map((name) => path.basename(name))).to.have.members([...scripts.map(nameOf), 'answer']);
    for (const name of seen) {
      const text = (whose: 'ours' | 'theirs') => readFile(path.join(root(whose), name), 'utf8');
      expect(lines(await text('ours')), name).to.deep.equal(lines(await text('theirs')));
    }
    expect(scripts.map(infoName)).to.include('odd-t-same:armhf');
  });
});

const lines = (text: string) => text.split('\n');
