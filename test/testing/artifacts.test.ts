import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { insideName, saveArtifacts } from '../../src/testing/artifacts.ts';
import type { TestSession } from '../../src/testing/session.ts';

type Entry = {
  name: string;
  type?: 'file' | 'symlink' | 'link' | 'character-device';
  linkname?: string;
  text?: string;
};

async function tarOf(entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { text = '', ...header } of entries) archive.entry(header, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A device that sends this archive, whatever it is asked. */
function sending(archive: Buffer): TestSession {
  return { alive: true, script: async () => ({ exitCode: 0, stdout: archive.toString('base64'), stderr: '' }) };
}

describe('fetching artifacts', () => {
  let root: string;
  let directory: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-artifacts-'));
    directory = path.join(root, 'artifacts');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('writes nothing outside of the directory and follows no link of a hostile device', async () => {
    const archive = await tarOf([
      { name: '../outside', text: 'x' },
      { name: path.join(root, 'absolute'), text: 'x' },
      { name: 'escape', type: 'symlink', linkname: '..' },
      { name: 'escape/through-link', text: 'inside' },
      { name: 'hard', type: 'link', linkname: '/etc/passwd' },
      { name: 'device', type: 'character-device' },
      { name: './fine.txt', text: 'fine' },
    ]);
    const saved = await saveArtifacts(sending(archive), '/run/x', directory);
    expect(saved.files).to.deep.equal(['escape/through-link', 'fine.txt']);
    expect(await readdir(root)).to.deep.equal(['artifacts']);
    expect(await readFile(path.join(directory, 'escape/through-link'), 'utf8')).to.equal('inside');
    expect(saved.notes).to.have.length(5);
    expect(saved.notes.every((note) => note.startsWith('artifact left out: '))).to.equal(true);
  });

  it('says that artifacts beyond the bound were cut, and keeps those that arrived whole', async () => {
    const archive = await tarOf([
      { name: 'first', text: 'a'.repeat(600) },
      { name: 'second', text: 'b'.repeat(100_000) },
    ]);
    const saved = await saveArtifacts(sending(archive.subarray(0, 20_000)), '/run/x', directory, 20_000);
    expect(saved.files).to.deep.equal(['first']);
    expect(saved.notes.join()).to.include('larger than');
    const left = await access(path.join(directory, 'second')).then(
      () => true,
      () => false,
    );
    expect(left, 'half a file was left').to.equal(false);
  });

  it('makes a note, not an error, of a device that cannot send them', async () => {
    const session: TestSession = { alive: true, script: () => Promise.reject(new Error('exit code 2')) };
    const saved = await saveArtifacts(session, '/run/x', directory);
    expect(saved).to.deep.equal({ files: [], notes: ['artifacts could not be fetched: exit code 2'] });
  });

  it('takes only names that stay inside', () => {
    expect(insideName('./a/b.txt')).to.equal('a/b.txt');
    for (const name of ['/etc/passwd', '../a', 'a/../../b', '.', 'a\0b', 'a\nb', 'a\\..\\b']) {
      expect(insideName(name), name).to.equal(null);
    }
  });
});
