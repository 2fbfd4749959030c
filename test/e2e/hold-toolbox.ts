// Opens the toolbox that the arguments name, starts an isolated command with a mount in it and a plain one, says so and
// waits: to be killed.
import { openFor } from './toolboxes.ts';

const [root = '', kind = '', mark = ''] = process.argv.slice(2);
const toolbox = await openFor(root, kind as 'docker' | 'host');
const script = `mkdir -p /tmp/lockstep-hold && mount -t tmpfs hold-${mark} /tmp/lockstep-hold && sleep ${mark}1 & sleep ${mark}2`;
await toolbox.open(['sh', '-c', script], { isolate: true });
await toolbox.open(['sleep', `${mark}3`]);
console.log('held');
