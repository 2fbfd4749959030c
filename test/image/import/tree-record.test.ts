import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import {
  assertRecorded,
  formatTreeRecord,
  parseTreeRecord,
  readTreeRecord,
  writeTreeRecord,
} from '../../../src/image/import/tree-record.ts';
import { entryFor, errorOf } from '../../deb/debs.ts';

const [data, control] = ['a'.repeat(64), 'b'.repeat(64)];
const deb = entryFor(Buffer.from('one'));
const other = { ...entryFor(Buffer.from('two')), package: 'a-first' };
const record = new Map([deb, other].map(({ sha256 }) => [sha256, { data, control }]));

describe('the record of trees', () => {
  it('says again what it was told, sorted by package, of the debs of the lockfile alone', () => {
    const text = formatTreeRecord([deb, other], record);
    expect(parseTreeRecord(text, 'panel.trees')).to.deep.equal(record);
    expect(text.split('\n')[1]).to.contain(' a-first ');
    expect(formatTreeRecord([other, deb, deb], record)).to.equal(text);
    expect([...parseTreeRecord(formatTreeRecord([deb], record), 'panel.trees').keys()]).to.deep.equal([deb.sha256]);
  });

  it('counts for nothing when it is of another form of import', () => {
    const text = formatTreeRecord([deb], record).replace('trees 1', 'trees 9');
    expect(parseTreeRecord(text, 'panel.trees').size).to.equal(0);
  });

  it('names file and line of what is none: conflict markers, a short checksum, a deb that is there twice', async () => {
    const [head, line] = formatTreeRecord([deb], record).split('\n');
    for (const wrong of ['<<<<<<< HEAD', line?.slice(1), line]) {
      const text = [head, line, wrong, ''].join('\n');
      const error = await errorOf((async () => parseTreeRecord(text, 'panel.trees'))());
      expect(error.code).to.equal('E_LOCK_SYNTAX');
      expect(error.message).to.contain('panel.trees:3:');
    }
  });

  it('refuses trees other than those it has, and takes what it has not', async () => {
    const found = new Map([...record].map(([sha256, trees]) => [sha256, { ...trees, data: control }]));
    const error = await errorOf((async () => assertRecorded([deb], record, found, '/x/panel.trees'))());
    expect(error.code).to.equal('E_TREE_RECORD');
    expect(error.message).to.contain(deb.package);
    assertRecorded([deb], new Map(), found, '/x/panel.trees');
  });

  it('is written whole, and only where it differs', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-trees-'));
    const file = path.join(dir, 'panel.trees');
    expect((await readTreeRecord(file)).size).to.equal(0);
    await writeTreeRecord(file, 'x\n');
    await writeTreeRecord(file, 'x\n');
    expect([await readFile(file, 'utf8'), await readdir(dir)]).to.deep.equal(['x\n', ['panel.trees']]);
    await rm(dir, { recursive: true });
  });
});
