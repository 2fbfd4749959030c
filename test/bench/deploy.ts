import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const agent = path.resolve(import.meta.dirname, '../../resources/lockstep/agent.mjs');

interface Deployed {
  verdict: string;
  reason: string | null;
  bytesSent: number;
  ms: number;
  ownMs: number;
  verdictMs: number | null;
}

/**
 * A deployment of one changed file to the virtual device, and one of what it runs already: what of their time is the
 * agent's own (all but transfer, `ostree admin deploy` and boots), and how long after the device has judged its boot the
 * verdict is there. `dir`: a project with a built, bootable `panel`.
 */
export async function benchDeploy(dir: string): Promise<void> {
  await appendFile(path.join(dir, 'lockstep.yml'), 'devices: {virt-1: {virtual: true}}\n');
  const [base, changed] = await commits(dir);
  await lockstep(dir, 'devices', 'up', 'virt-1', '--fresh', '--commit', base);
  try {
    tell('deploy, one file changed', await deploy(dir, changed));
    tell('deploy, nothing changed', await deploy(dir, changed));
  } finally {
    await lockstep(dir, 'devices', 'down', 'virt-1');
  }
}

/** Commits the image with the network set up, and the same with one more file. */
async function commits(dir: string): Promise<[base: string, changed: string]> {
  const example = path.resolve(import.meta.dirname, '../../examples/panel/overlay');
  const tree = path.join(dir, 'bench-tree');
  await cp(path.join(example, 'usr'), path.join(tree, 'usr'), { recursive: true });
  await cp(path.join(example, 'etc'), path.join(tree, 'usr/etc'), { recursive: true });
  const base = await commit(dir, 'base', tree);
  await mkdir(path.join(tree, 'usr/share'), { recursive: true });
  await writeFile(path.join(tree, 'usr/share/lockstep-bench'), 'changed\n');
  return [base, await commit(dir, 'changed', tree)];
}

async function commit(dir: string, name: string, tree: string): Promise<string> {
  const repo = `--repo=${path.join(dir, '.lockstep/repo')}`;
  const trees = ['--tree=ref=panel/armhf', `--tree=dir=${tree}`];
  return (await execa('ostree', ['commit', repo, `--branch=bench/${name}`, '--timestamp=@0', ...trees])).stdout;
}

const lockstep = (dir: string, ...args: string[]) =>
  execa('node', [agent, '-C', dir, '--toolbox', 'host', '--quiet', ...args], { stdin: 'ignore' });

async function deploy(dir: string, commit: string): Promise<Deployed> {
  const { stdout } = await lockstep(dir, 'deploy', '--commit', commit, '--json');
  return (JSON.parse(stdout).devices as Deployed[])[0]!;
}

function tell(name: string, { verdict, reason, bytesSent, ms, ownMs, verdictMs }: Deployed): void {
  const seconds = (time: number) => `${(time / 1000).toFixed(2)} s`;
  const judged = verdictMs === null ? '' : `, verdict ${seconds(verdictMs)} after the boot was judged`;
  const how = reason === null ? verdict : `${verdict}: ${reason}`;
  console.log(`${name.padEnd(34)} ${seconds(ms)}, own ${seconds(ownMs)}${judged}, ${bytesSent} bytes (${how})`);
}
