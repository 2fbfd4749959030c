import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { workspaceOf } from '../../src/config/workspace.ts';
import type { LockstepError } from '../../src/errors/index.ts';
import { importDebs } from '../../src/image/import/import.ts';
import type { BuildEnvironment } from '../../src/image/stage.ts';
import { planUnpacking } from '../../src/image/unpack/unpacking.ts';
import { ensureRepo } from '../../src/ostree/repo.ts';
import { type Contents, type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { temporaryDirectory } from './projects.ts';
import { openFor, plainBuild } from './toolboxes.ts';

interface Case {
  title: string;
  debs: [Contents, Contents];
  /** The code of the refusal; null when the two are taken. */
  code: string | null;
  /** What the message names, beside both packages. */
  told?: string;
  /** dpkg does not see it: that two names are one path on a merged system. */
  unseen?: boolean;
}

const file = (name: string, place: string, fields = ''): Contents => ({ name, fields, files: { [place]: name } });
const bare = (name: string, fields = ''): Contents => ({ name, fields });

const link = (name: string, place: string, target: string): Contents => ({
  name,
  files: { [`usr/share/${name}`]: '' },
  fill: async (root) => {
    await mkdir(path.dirname(path.join(root, place)), { recursive: true });
    await symlink(target, path.join(root, place));
  },
});

const cases: Case[] = [
  {
    title: 'a file that both have',
    debs: [file('f1', 'usr/x'), file('f2', 'usr/x')],
    code: 'E_FILE_CONFLICT',
    told: '/usr/x',
  },
  {
    title: 'a file under two names of one place',
    debs: [file('a1', 'bin/x'), file('a2', 'usr/bin/x')],
    code: 'E_FILE_CONFLICT',
    told: '/usr/bin/x',
    unseen: true,
  },
  {
    title: 'a file where the other has a directory',
    debs: [file('d1', 'usr/share/place'), file('d2', 'usr/share/place/file')],
    code: 'E_FILE_CONFLICT',
    told: '/usr/share/place',
  },
  {
    title: 'a link to nowhere where the other has a directory',
    debs: [link('l1', 'usr/share/place', 'nowhere'), file('l2', 'usr/share/place/file')],
    code: 'E_FILE_CONFLICT',
    told: '/usr/share/place',
  },
  {
    title: 'a file that the one replaces',
    debs: [file('r1', 'usr/x'), file('r2', 'usr/x', 'Replaces: r1 (<< 2)\n')],
    code: null,
  },
  {
    title: 'a file that the one replaced in older versions',
    debs: [file('o1', 'usr/x'), file('o2', 'usr/x', 'Replaces: o1 (<< 1)\n')],
    code: 'E_FILE_CONFLICT',
    told: '/usr/x',
  },
  {
    title: 'Conflicts',
    debs: [bare('c1'), bare('c2', 'Conflicts: c1\n')],
    code: 'E_PACKAGE_CONFLICT',
    told: 'Conflicts: c1',
  },
  { title: 'Conflicts with another version', debs: [bare('v1'), bare('v2', 'Conflicts: v1 (<< 1)\n')], code: null },
  {
    title: 'Conflicts with what the other provides',
    debs: [bare('p1', 'Provides: role\n'), bare('p2', 'Conflicts: role\nProvides: role\n')],
    code: 'E_PACKAGE_CONFLICT',
    told: 'Conflicts: role',
  },
  {
    title: 'Breaks',
    debs: [bare('b1'), bare('b2', 'Breaks: b1 (<= 1.0)\n')],
    code: 'E_PACKAGE_CONFLICT',
    told: 'Breaks: b1 (<= 1.0)',
  },
  {
    title: 'a dependency on a newer version',
    debs: [bare('n1'), bare('n2', 'Depends: n1 (>= 1.1)\n')],
    code: 'E_DEPENDS_UNMET',
    told: 'n1 (>= 1.1)',
  },
  {
    title: 'a dependency that the other provides',
    debs: [bare('q1', 'Provides: q (= 3)\n'), bare('q2', 'Depends: none | q (>= 2)\n')],
    code: null,
  },
  {
    title: 'a dependency on any architecture',
    debs: [bare('y1'), bare('y2', 'Depends: y1:any\n')],
    code: 'E_DEPENDS_UNMET',
    told: 'y1:any',
  },
  {
    title: 'one allowed on any architecture',
    debs: [bare('z1', 'Multi-Arch: allowed\n'), bare('z2', 'Depends: z1:any\n')],
    code: null,
  },
  {
    title: 'a pre-dependency on a newer version',
    debs: [bare('e1'), bare('e2', 'Pre-Depends: e1 (>> 1.0)\n')],
    code: 'E_DEPENDS_UNMET',
    told: 'Pre-Depends: e1 (>> 1.0)',
  },
];

describe('dpkg', function () {
  this.timeout(120_000);
  let build: BuildEnvironment;
  let close: () => Promise<void>;
  const made = new Map<Case, MadeDeb[]>();

  before(async () => {
    const root = await temporaryDirectory('refusals');
    const toolbox = await openFor(root, 'host');
    close = () => toolbox.close();
    const { repo, work } = workspaceOf(root);
    build = plainBuild(toolbox, root);
    await mkdir(work, { recursive: true });
    await ensureRepo(toolbox, repo, 'bare');
    const server = await DebServer.open();
    for (const one of cases) made.set(one, await Promise.all(one.debs.map(makeDeb)));
    const packages = [...made.values()].flat();
    for (const deb of packages) server.serve(deb);
    const { candidates } = server;
    await importDebs({ ...build, packages, candidates, proxy: () => null }).finally(() => server.close());
  });

  after(() => close());

  for (const one of cases) {
    it(titleOf(one), async () => {
      const debs = made.get(one)!;
      expect(await isTakenByDpkg(debs), 'dpkg').to.equal(one.code === null || one.unseen === true);
      const error = await planUnpacking(build, debs, 'armhf').then(
        () => null,
        (thrown: LockstepError) => thrown,
      );
      expect(error?.code ?? null, error?.message).to.equal(one.code);
      if (error === null) return;
      expect(error.message).to.contain(one.told);
      const names = one.code === 'E_DEPENDS_UNMET' ? debs.slice(1) : debs;
      for (const deb of names) expect(error.message).to.contain(`${deb.package} 1.0 armhf`);
    });
  }
});

function titleOf({ title, code, unseen }: Case): string {
  if (unseen === true) return `does not see ${title}, but lockstep refuses it`;
  return `${code === null ? 'leaves alone' : 'refuses'} ${title}, and so does lockstep`;
}

/** Unpacks both in turn, as the first of them may be the one that the other must wait for, then configures them. */
async function isTakenByDpkg(debs: readonly MadeDeb[]): Promise<boolean> {
  const root = path.join(await temporaryDirectory('dpkg'), 'root');
  await mkdir(path.join(root, 'var/lib/dpkg/info'), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib']) {
    await mkdir(path.join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, path.join(root, name));
  }
  await writeFile(path.join(root, 'var/lib/dpkg/status'), '');
  const flags = [`--root=${root}`, '--force-architecture', '--force-unsafe-io', '--log=/dev/null'];
  for (const { file: deb } of debs) {
    const { exitCode } = await execa('dpkg', [...flags, '--install', deb], { reject: false });
    if (exitCode !== 0) return false;
  }
  return true;
}
