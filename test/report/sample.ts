import type { DeviceResult, RunResult } from '../../src/report/result.ts';

export const commit = '8f3a2c11'.repeat(8);
export const older = '0'.repeat(64);

/** A device where all went well, but for what is said otherwise. */
export function device(more: Partial<DeviceResult> = {}): DeviceResult {
  return {
    name: 'virt-1',
    image: 'panel',
    virtual: true,
    deployment: {
      name: 'virt-1',
      verdict: 'deployed',
      reason: null,
      wanted: commit,
      commit,
      bytesSent: 1_234_567,
      ms: 98_000,
      steps: [{ name: 'pull', ms: 12_000, ok: true, detail: '300 objects' }],
    },
    tests: [
      { name: '10-uname', status: 'passed', ms: 1200, message: null, output: 'armv7l\n', points: [] },
      { name: '20-gpu', status: 'skipped', ms: 300, message: 'no gpu', output: 'no gpu\n', points: [] },
      {
        name: '30-net',
        status: 'failed',
        ms: 2500,
        message: 'exit code 4: no route',
        output: 'no route\n',
        points: [],
      },
    ],
    failure: null,
    notes: [],
    files: ['journal.log', 'artifacts/a b#c.png'],
    ...more,
  };
}

export function result(more: Partial<RunResult> = {}): RunResult {
  return {
    format: 1,
    startedAt: '2024-05-06T07:08:09.123Z',
    ms: 125_000,
    outcome: 'unstable',
    code: 'E_TESTS_FAILED',
    message: 'panel 8f3a2c11 on 1 device: 1 passed, 1 failed, 1 skipped',
    hint: null,
    description: 'panel 8f3a2c11 on 1 device: 1 passed, 1 failed, 1 skipped',
    images: [
      {
        name: 'panel',
        arch: 'armhf',
        ref: 'panel/armhf',
        commit,
        lockDigest: 'f00d'.repeat(16),
        stages: [
          { name: 'import', ms: 6300, cached: false },
          { name: 'merge', ms: 4, cached: true },
        ],
        changes: [{ package: 'openssl', from: '3.0.16-1', to: '3.0.17-1', kind: 'upgraded' }],
      },
    ],
    devices: [device()],
    ...more,
  };
}
