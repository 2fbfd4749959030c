import { expect } from 'chai';
import { parseStatus } from '../../src/device/status.ts';

const first = 'a'.repeat(64);
const second = 'b'.repeat(64);

describe('parseStatus', () => {
  it('reads a single deployment', () => {
    const text = `* lockstep ${first}.0\n    Version: 1\n    origin refspec: ${first}\n`;
    expect(parseStatus(text)).to.deep.equal([
      { index: 0, booted: true, stateroot: 'lockstep', checksum: first, serial: 0, note: null, pinned: false },
    ]);
  });

  it('reads the notes of those that are not booted, in boot order', () => {
    const text = [
      `  debian ${second}.1 (pending)`,
      '    Version: 2',
      '    origin: <unknown origin type>',
      `* debian ${first}.0`,
      '    origin refspec: lockstep:panel/armhf',
      `  debian ${first}.1 (rollback)`,
      '    Pinned: yes',
    ].join('\n');
    const read = parseStatus(text).map(({ index, booted, serial, note, pinned }) => ({
      index,
      booted,
      serial,
      note,
      pinned,
    }));
    expect(read).to.deep.equal([
      { index: 0, booted: false, serial: 1, note: 'pending', pinned: false },
      { index: 1, booted: true, serial: 0, note: null, pinned: false },
      { index: 2, booted: false, serial: 1, note: 'rollback', pinned: true },
    ]);
  });

  it('takes nothing for a deployment in what a system without one prints', () => {
    expect(parseStatus('No deployments.\n')).to.deep.equal([]);
    expect(parseStatus(`    commit ${first}.0\n`)).to.deep.equal([]);
  });
});
