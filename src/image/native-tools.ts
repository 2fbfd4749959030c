import { type ForeignArchive, openForeignArchive } from '../apt/archive/foreign.ts';
import type { Lockfile } from '../apt/lockfile/lockfile.ts';
import { proxyEnvironment } from '../apt/root/proxy.ts';
import type { Architecture, ImageConfig } from '../config/types.ts';
import type { Workspace } from '../config/workspace.ts';
import { dispatcher } from '../emulation/dispatcher.ts';
import { namesArchitecture, staysEmulated } from '../emulation/hot-packages.ts';
import { architectureRelocation, nativeDir, relocationLines, relocations } from '../emulation/layout.ts';
import { chooseTwins, type TwinChoice, toolPackages } from '../emulation/twins.ts';
import { LockstepError } from '../errors/index.ts';
import { commitArgv } from '../ostree/commit.ts';
import { resolveRef } from '../ostree/refs.ts';
import { resourceText } from '../resources.ts';
import { digestOf, stageRef, type Unemulated } from './stage.ts';
import { plainScriptArgv, stageScript } from './stage-script.ts';

/** The native builds of an image's tools, checked out. */
export interface NativeTools {
  dir: string;
  /** Of what they are made of. */
  digest: string;
  /** What the log says of them. */
  description: string;
}

/** Raised when other tools would be made of the same packages. */
const format = '1';

const timeoutMs = 5 * 60_000;

/**
 * Native builds of the programs that scripts start most, at the versions that the lockfile pins: fetched by apt from
 * the image's own suites, relocated, and kept as a ref, so that they are fetched once. null when the image has none, or
 * the archive no longer offers them. Throws E_APT_*, E_TOOL_FAILED, E_DISK_FULL, E_INTERRUPTED.
 */
export async function nativeTools(
  build: Unemulated,
  image: ImageConfig,
  lockfile: Lockfile,
  workspace: Pick<Workspace, 'apt'>,
): Promise<NativeTools | null> {
  const tools = toolPackages(lockfile.packages);
  if (tools.length === 0) return null;
  const digest = nativeDigest(image, lockfile);
  const ref = stageRef('native', digest);
  const there = await resolveRef(build.toolbox, build.repo, ref);
  const lacking = there === null ? await make(build, image, lockfile, workspace, ref) : [];
  if (lacking === null) return null;
  const dir = `${build.work}/native-tools`;
  await build.toolbox.run(['ostree', `--repo=${build.repo}`, 'checkout', '--require-hardlinks', ref, dir]);
  return { dir, digest, description: describe(tools.length, lacking) };
}

/** The ref of the tools that builds of this lockfile use. */
export function nativeToolsRef(image: Pick<ImageConfig, 'arch'>, lockfile: Pick<Lockfile, 'packages'>): string {
  return stageRef('native', nativeDigest(image, lockfile));
}

function nativeDigest({ arch }: Pick<ImageConfig, 'arch'>, { packages }: Pick<Lockfile, 'packages'>): string {
  const wanted = [...new Set(toolPackages(packages).flatMap(({ needs }) => needs))].map(
    (locked) => `${locked.package}=${locked.version}`,
  );
  const how = [stageScript('native-tools'), ...relocating(arch), dispatcher().toString('hex')];
  return digestOf('native', format, ...wanted.sort(), ...how);
}

function describe(count: number, lacking: readonly string[]): string {
  const all = `native builds of ${count - lacking.length} packages run in place of emulated ones`;
  return lacking.length === 0 ? all : `${all}; the suites have none of ${lacking.join(', ')}`;
}

/** Makes the ref; returns what stays emulated, or null when that is all. */
async function make(
  build: Unemulated,
  image: ImageConfig,
  lockfile: Lockfile,
  workspace: Pick<Workspace, 'apt'>,
  ref: string,
): Promise<string[] | null> {
  const without = lockfile.inputs?.without ?? [];
  const archive = await openForeignArchive(build.toolbox, workspace, image, { arch: 'amd64', without });
  const tools = toolPackages(lockfile.packages);
  const names = [...new Set(tools.flatMap(({ needs }) => needs.map((locked) => locked.package)))];
  const choose = async () => chooseTwins(tools, await archive.offered(names));
  const commit = async (choice: TwinChoice) => {
    if (choice.tools.length === 0) return null;
    await commitTools(build, image, archive, choice, ref);
    return choice.emulated.map(({ wants }) => wants);
  };
  // What is pinned may well be in the indexes of the last time, and to ask for new ones takes as long as the rest.
  const known = await choose();
  const all = known.emulated.length === 0;
  const made = all ? await commit(known).catch((error) => orNothing(error)) : null;
  if (made !== null) return made;
  await archive.refresh();
  return commit(await choose());
}

/** The archive may no longer have what its indexes of the last time say. */
function orNothing(error: unknown): null {
  if (error instanceof LockstepError && error.code === 'E_TOOL_FAILED') return null;
  throw error;
}

async function commitTools(
  { toolbox, sync, repo, work: place }: Unemulated,
  image: ImageConfig,
  archive: ForeignArchive,
  { twins }: TwinChoice,
  ref: string,
): Promise<void> {
  const [work, out] = [`${place}/native-debs`, `${place}/native-out`];
  const debs = twins.map((twin) => twin.replace('=', ':amd64='));
  await sync.begin();
  await toolbox.run(['rm', '-rf', '--one-file-system', work, out]);
  await toolbox.run(plainScriptArgv('native-tools', work, out, nativeDir, ...relocating(image.arch), ...debs), {
    isolate: true,
    env: { ...proxyEnvironment(process.env), APT_CONFIG: archive.root.config },
    input: dispatcher(),
    timeoutMs,
  });
  await toolbox.run(commitArgv([`dir=${out}`], { repo, ref, subject: `native tools: ${twins.join(' ')}` }));
  await toolbox.run(['rm', '-rf', '--one-file-system', work, out]);
}

/** What the stage's script is given of relocating. */
function relocating(arch: Architecture): string[] {
  return [
    relocationLines(relocations),
    staysEmulated.join(' '),
    namesArchitecture.join(' '),
    relocationLines([architectureRelocation(arch)]),
    resourceText('stages/relocate-tools.pl'),
    arch,
  ];
}

/** What a failure to make native tools means for the build: nothing but time. */
export function isPassing(error: unknown): error is LockstepError {
  return error instanceof LockstepError && error.code !== 'E_INTERRUPTED' && error.code !== 'E_DISK_FULL';
}
