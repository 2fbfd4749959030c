// Opens the toolbox that the arguments name, starts an isolated command with a mount in it and a plain one, says so and
// waits: to be killed.
import { workspaceOf } from '../../src/config/workspace.ts';
import { openFor } from './toolboxes.ts';

const [root = '', kind = '', mark = ''] = process.argv.slice(2);
const toolbox = await openFor(root, kind as 'docker' | 'host');
const script = `mount -t tmpfs hold-${mark} "$1" && sleep ${mark}1 & sleep ${mark}2`;
await toolbox.open(['sh', '-c', script, 'sh', workspaceOf(root).work], { isolate: true });
await toolbox.open(['sleep', `${mark}3`]);
console.log('held');
