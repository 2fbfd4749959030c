import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { printfFormat, scriptFunctions } from '../../src/device/script-functions.ts';
import { armedSector } from '../../src/image/trial/counter-sectors.ts';

describe('functions of scripts for devices', () => {
  const run = (script: string, ...args: string[]) =>
    execFileSync('sh', ['-euc', `${scriptFunctions}\n${script}`, 'sh', ...args]);

  it('show a file as it is, with its last line ended, and nothing for one that is not there', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'lockstep-show-'));
    try {
      const file = path.join(dir, 'file');
      await writeFile(file, '  back\\slash %s\n\nend without newline');
      expect(run('show "$1"; show "$1-not"', file).toString()).to.equal('  back\\slash %s\n\nend without newline\n');
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('tell the uptime in whole seconds', () => {
    expect(run('uptime_seconds; echo "$uptime"').toString()).to.match(/^\d+\n$/);
  });

  it('write all bytes there are', () => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      armedSector({ boots: 3, fallback: 2 }),
    ]);
    expect(run('printf "$1"', printfFormat(bytes)).equals(bytes)).to.equal(true);
  });
});
