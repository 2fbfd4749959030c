/**
 * Another way to fail in each boot of a trial of four, by the number that the boot script gives it: a panic, a systemd that
 * no longer answers, a boot that hangs (which has less time than others, so that the play has more), and what health says.
 */
const calamities = `#!/bin/sh
limit() { sed -i "s/^limit=.*/limit=$1/" /var/lib/lockstep/trial; }
case " $(cat /proc/cmdline) " in
*" lockstep.boot=1 "*) echo c >/proc/sysrq-trigger ;;
*" lockstep.boot=2 "*)
  until [ -e /dev/watchdog0 ]; do sleep 1; done
  sleep 5
  echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze
  sleep infinity
  ;;
*" lockstep.boot=3 "*)
  limit 20
  sleep infinity
  ;;
*) limit 240 ;;
esac
exit 0
`;

const beforeAll = ['DefaultDependencies=no', 'RequiresMountsFor=/var/lib', 'Before=basic.target'];
const service = ['Type=oneshot', 'TimeoutStartSec=infinity', 'ExecStart=/usr/lib/calamities'];

const units = 'usr/lib/systemd/system';
const health = 'usr/lib/lockstep/health.d';

/** Files of an image that fails in all of these ways, by path. */
export const calamitousFiles: Record<string, string> = {
  'usr/lib/calamities': calamities,
  [`${units}/calamities.service`]: ['[Unit]', ...beforeAll, '[Service]', ...service, ''].join('\n'),
  [`${units}/basic.target.d/calamities.conf`]: '[Unit]\nRequires=calamities.service\nAfter=calamities.service\n',
  'usr/lib/systemd/system.conf.d/90-impatient.conf': '[Manager]\nRuntimeWatchdogSec=15\n',
  [`${units}/sick.service`]: '[Service]\nType=oneshot\nExecStart=/bin/false\n',
  [`${units}/multi-user.target.d/sick.conf`]: '[Unit]\nWants=sick.service\n',
  [`${health}/required.d/10-light`]: '#!/bin/sh\necho the light is red\nexit 4\n',
  [`${health}/required.d/20-slow`]: '#!/bin/sh\n# lockstep-timeout: 2\nsleep 30\n',
  [`${health}/wanted.d/30-heater`]: '#!/bin/sh\nexit 1\n',
};
