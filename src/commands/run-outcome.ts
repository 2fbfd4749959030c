import type { Draft } from '../report/draft.ts';
import { describeRun } from '../report/summary.ts';
import { isDeployed } from '../testing/deployment.ts';
import { judgeTests, testFields } from './device-tests.ts';
import type { Outcome } from './verb.ts';

/**
 * What a run comes to: failed (exit 1) when a device does not run its commit or could not be tested, unstable (exit 3)
 * when tests failed on devices that do, otherwise ok.
 */
export function runOutcome({ images, devices }: Draft): Outcome {
  const fields = {
    images,
    devices: devices.map((device) => {
      const { verdict, commit, bytesSent, ms, reason } = device.deployment!;
      return { ...testFields(device), verdict, commit, bytesSent, ms, reason };
    }),
  };
  const message = describeRun(images, devices);
  const bad = devices.filter(({ deployment }) => deployment !== null && !isDeployed(deployment));
  if (bad.length === 0) return judgeTests(devices, message, fields);
  const told = bad.map(({ name, deployment }) => `${name}: ${deployment?.verdict}: ${deployment?.reason}`);
  const hint = 'Journals and consoles are in `.lockstep/run/devices/NAME/`.';
  return { outcome: 'failed', code: 'E_DEPLOY', message: [message, ...told].join('\n'), hint, ...fields };
}
