import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { DescribedChanges } from '../../src/apt/changes/described.ts';
import { inputsOf } from '../../src/apt/lockfile/lock-inputs.ts';
import { formatLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { loadConfig } from '../../src/config/load.ts';
import { locked } from '../apt/samples.ts';
import { type MadeDeb, makeDeb } from '../deb/debs.ts';
import { DebServer } from './deb-server.ts';
import { lockstepFrom, tinyProject } from './tiny-project.ts';

const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100\n';

describe('lockstep diff --fetch', function () {
  this.timeout(60_000);
  let debs: MadeDeb[];
  let mirror: DebServer;
  let archive: DebServer;
  let dir: string;

  before(async () => {
    debs = await Promise.all(['gone', 'there', 'wrong'].map(withChangelog));
  });
  beforeEach(async () => {
    [mirror, archive] = await Promise.all([DebServer.open(), DebServer.open()]);
    dir = await tinyProject(debs, { mirror: urlOf(mirror), archives: [urlOf(archive)] });
    const [image] = (await loadConfig(dir)).images;
    const older = debs.map((deb) => locked(deb.package, '0.9'));
    await writeFile(path.join(dir, 'before.lock'), formatLockfile(inputsOf(image!), older));
  });
  afterEach(() => {
    mirror.close();
    archive.close();
  });

  const urlOf = (server: DebServer) => server.candidates('')[0]?.replace(/\/$/, '') ?? '';

  function withChangelog(name: string): Promise<MadeDeb> {
    const entry = (version: string) => `${name} (${version}) sid; urgency=low\n\n  * Of ${name}.\n\n${trailer}\n`;
    const text = gzipSync(`${entry('1.0')}${entry('0.9')}`);
    return makeDeb({ name, files: { [`usr/share/doc/${name}/changelog.gz`]: text } });
  }
  async function statesAfter(...args: string[]) {
    const { exitCode, outcome, stderr } = await lockstepFrom(dir, ['diff', 'before.lock', 'tiny.lock', ...args]);
    expect(exitCode, stderr).to.equal(0);
    const { sources } = (outcome.images as DescribedChanges[])[0]!;
    return { states: Object.fromEntries(sources.map(({ source, changelog }) => [source, changelog])), stderr };
  }

  it('asks nobody when it is not given', async () => {
    const { states } = await statesAfter();
    expect(states).to.deep.equal({ gone: 'not-here', there: 'not-here', wrong: 'not-here' });
    expect([...mirror.requests, ...archive.requests]).to.deep.equal([]);
  });

  it('shows what can be had, and notes what is gone or not the deb that is pinned', async () => {
    const [, there, wrong] = debs as [MadeDeb, MadeDeb, MadeDeb];
    mirror.serve(there);
    mirror.serve(wrong, Buffer.from(wrong.bytes).fill(0x78, wrong.size - 10));
    const { states, stderr } = await statesAfter('--fetch');
    expect(states).to.deep.equal({ gone: 'not-here', there: 'whole', wrong: 'not-here' });
    for (const name of ['gone', 'wrong']) expect(stderr).to.match(new RegExp(`not all changelogs .*: .*${name} 1.0`));
    expect((await statesAfter()).states.there).to.equal('whole');
  });

  it('looks in the further archives of the image as a build does', async () => {
    for (const deb of debs) archive.serve(deb);
    const { states } = await statesAfter('--fetch');
    expect(states).to.deep.equal({ gone: 'whole', there: 'whole', wrong: 'whole' });
  });

  it('fetches the older debs of a downgrade, whose entries are taken back', async () => {
    for (const deb of debs) mirror.serve(deb);
    const { outcome, stderr } = await lockstepFrom(dir, ['diff', 'tiny.lock', 'before.lock', '--fetch']);
    const { sources } = (outcome.images as DescribedChanges[] | undefined)?.[0] ?? { sources: [] };
    expect(
      sources.map(({ kind, entries }) => `${kind} ${entries.map(({ version }) => version)}`),
      stderr,
    ).to.deep.equal(Array(3).fill('downgraded 1.0'));
  });
});
