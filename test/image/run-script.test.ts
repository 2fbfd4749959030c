import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type RunScript, readScripts, ScriptOutput, scriptsDigest } from '../../src/image/run-script.ts';
import { refusal } from '../refusal.ts';

const script = (label: string, text = '#!/bin/sh\n'): RunScript => ({ label, content: Buffer.from(text) });

describe('a script of run:', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-run-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('is named when it is missing', async () => {
    const error = await refusal(readScripts([path.join(dir, 'units')]), 'E_RUN');
    expect(error.message).to.contain(path.join(dir, 'units'));
  });

  it('is refused when it does not say what runs it', async () => {
    await writeFile(path.join(dir, 'units'), 'echo hello\n');
    expect((await refusal(readScripts([path.join(dir, 'units')]), 'E_RUN')).hint).to.contain('#!/bin/sh');
  });

  it('counts by its content and its place, not by its name', () => {
    const [a, b] = [script('a', '#!a'), script('b', '#!b')];
    expect(scriptsDigest([a, b])).to.equal(scriptsDigest([{ ...a, label: 'x' }, b]));
    expect(scriptsDigest([a, b])).to.not.equal(scriptsDigest([b, a]));
    expect(scriptsDigest([])).to.equal(null);
  });
});

describe('what scripts print', () => {
  const scripts = [script('/project/first'), script('/project/second')];
  const output = () => new ScriptOutput(scripts, 'configured');

  it('is shown with the script that said it, and nothing else is', () => {
    const lines = [
      'before',
      'lockstep-run: 01-first',
      'one',
      'lockstep-run: 02-second',
      'two',
      'lockstep-run:',
      'after',
    ];
    const out = output();
    expect(lines.map((line) => out.take(line))).to.deep.equal([
      null,
      null,
      'first: one',
      null,
      'second: two',
      null,
      null,
    ]);
    expect(out.running).to.equal(false);
  });

  it('ends the error of the script that failed', () => {
    const out = output();
    for (const line of ['lockstep-run: 01-first', 'one', 'lockstep-run: 02-second', 'cannot do it']) out.take(line);
    const error = out.failure(3, '');
    expect(error.code).to.equal('E_RUN');
    expect(error.message).to.equal('the script /project/second failed (run: configured, exit code 3):\ncannot do it');
    expect(error.hint).to.contain('without network');
  });

  it('says that a program is missing when the exit code does', () => {
    const out = output();
    out.take('lockstep-run: 01-first');
    out.take('first: 3: jq: not found');
    expect(out.failure(127, '').hint).to.contain('not in the image');
  });

  it('tells a full disk from a wrong script', () => {
    const out = output();
    out.take('lockstep-run: 01-first');
    out.take('cp: error writing: No space left on device');
    expect(out.failure(1, '').code).to.equal('E_DISK_FULL');
  });

  it('is not blamed on a script that has not begun', () => {
    expect(output().failure(1, 'mount: denied').message).to.contain('could not be run').and.to.contain('mount: denied');
  });
});
