import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { placeFiles } from '../../src/commands/init/place-files.ts';
import { refusal } from '../refusal.ts';

describe('files that init puts in their places', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-place-'));
    await mkdir(path.join(dir, 'from'));
    await writeFile(path.join(dir, 'from/a.lock'), 'new lock');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const files = () => [
    { file: path.join(dir, 'a.lock'), content: { from: path.join(dir, 'from/a.lock') } },
    { file: path.join(dir, 'lockstep.yml'), content: 'new' },
  ];
  const there = async () => (await readdir(dir)).filter((name) => name !== 'from').sort();
  const textOf = (name: string) => readFile(path.join(dir, name), 'utf8');

  it('are all there afterwards, and nothing else', async () => {
    await placeFiles(files(), { force: false });
    expect(await there()).to.deep.equal(['a.lock', 'lockstep.yml']);
    expect([await textOf('a.lock'), await textOf('lockstep.yml')]).to.deep.equal(['new lock', 'new']);
  });

  it('are none of them there when one would take the place of another', async () => {
    await writeFile(path.join(dir, 'lockstep.yml'), 'mine');
    const error = await refusal(placeFiles(files(), { force: false }), 'E_USAGE');
    expect(error.hint).to.include('--force');
    expect(await there()).to.deep.equal(['lockstep.yml']);
    expect(await textOf('lockstep.yml')).to.equal('mine');
  });

  it('take the places of others by force', async () => {
    await writeFile(path.join(dir, 'lockstep.yml'), 'mine');
    await placeFiles(files(), { force: true });
    expect(await textOf('lockstep.yml')).to.equal('new');
  });
});
