import { expect } from 'chai';
import { parseHealth } from '../../src/device/health.ts';

describe('parseHealth', () => {
  it('reads why a boot is unhealthy, and what is only a warning', () => {
    const text = [
      'settled degraded',
      'unit panel.service failed',
      'reason panel.service failed',
      'required 10-light ok',
      'required 20-net timeout',
      'reason health script 20-net did not end in 60 s',
      'wanted 30-heater failed 1',
      'wanted 40-clock ok',
      'result unhealthy',
    ].join('\n');
    expect(parseHealth(text)).to.deep.equal({
      healthy: false,
      reasons: ['panel.service failed', 'health script 20-net did not end in 60 s'],
      warnings: ['30-heater failed 1'],
    });
  });

  it('takes half a file for none', () => {
    expect(parseHealth('settled running\nrequired 10-light ok\n')).to.equal(null);
    expect(parseHealth('')).to.equal(null);
  });

  it('finds nothing but a clear result healthy', () => {
    expect(parseHealth('settled running\nresult healthy\n')?.healthy).to.equal(true);
    expect(parseHealth('settled running\nresult somehow\n')?.healthy).to.equal(false);
  });
});
