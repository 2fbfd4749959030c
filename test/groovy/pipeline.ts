import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

export interface Call {
  step: string;
  args: unknown;
  /** The node that it ran on; null: none. */
  node: string | null;
}

export interface PipelineResult {
  calls: Call[];
  returned: Record<string, unknown> | null;
  error: { type: string; message: string } | null;
  description: string | null;
  result: string | null;
  /** What the shell commands wrote to stderr. */
  log: string;
}

export interface PipelineOptions {
  /** Groovy, as it would stand in a Jenkinsfile; or a file. */
  pipeline: string | { file: string };
  /** Files of the workspace by name. */
  files?: Record<string, string>;
  /** Stands in for the agent, for outcomes that need a device: the text of agent.mjs. */
  agent?: string;
  env?: Record<string, string>;
  /** false: outside of any node. */
  onNode?: boolean;
  unix?: boolean;
  /** Why the build was started; a push by default. */
  causes?: string[];
  /** true: the build is aborted while `sh` runs. */
  interrupted?: boolean;
}

/** Runs a pipeline in a workspace of its own, under Groovy, with the library of this repository. */
export async function runPipeline(options: PipelineOptions): Promise<PipelineResult> {
  const scratch = await realpath(await mkdtemp(path.join(tmpdir(), 'lockstep-groovy-')));
  try {
    return await runIn(scratch, options);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function runIn(scratch: string, options: PipelineOptions): Promise<PipelineResult> {
  const at = (name: string) => path.join(scratch, name);
  const { pipeline, files = {}, env = {}, onNode = true, unix = true, causes = [], interrupted = false } = options;
  const workspace = at("work space, $HOME's");
  await mkdir(workspace);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(workspace, name)), { recursive: true });
    await writeFile(path.join(workspace, name), text);
  }
  const file = typeof pipeline === 'string' ? at('Jenkinsfile') : pipeline.file;
  if (typeof pipeline === 'string') await writeFile(file, pipeline);
  const resources = options.agent === undefined ? path.join(root, 'resources') : at('resources');
  if (options.agent !== undefined) await writeStandIn(resources, options.agent);
  const vars = path.join(root, 'vars');
  const spec = { vars, resources, workspace, pipeline: file, env, onNode, unix, causes, interrupted };
  await writeFile(at('spec.json'), JSON.stringify(spec));
  const harness = path.join(import.meta.dirname, 'harness.groovy');
  const { stderr } = await exec('groovy', [harness, at('spec.json'), at('result.json')], {
    env: { ...process.env, JAVA_HOME: await javaHome() },
    timeout: 60_000,
  });
  return { ...JSON.parse(await readFile(at('result.json'), 'utf8')), log: stderr };
}

async function writeStandIn(resources: string, agent: string): Promise<void> {
  await mkdir(path.join(resources, 'lockstep'), { recursive: true });
  await writeFile(path.join(resources, 'lockstep', 'agent.mjs'), agent);
}

/** Debian's groovy wants JAVA_HOME, and takes no `java` from PATH. */
async function javaHome(): Promise<string> {
  const { stdout } = await exec('sh', ['-c', 'command -v java']);
  return path.resolve(await realpath(stdout.trim()), '../..');
}
