import { LockstepError } from '../errors/index.ts';
import type { ToolboxOptions } from './options.ts';
import type { Toolbox } from './toolbox.ts';

export type ToolboxChoice = 'auto' | 'docker' | 'host';

/**
 * Opens the toolbox asked for. `auto`: the builder container if a Docker engine answers, else this host if it has root
 * and the tools; says which. Throws E_TOOLBOX_NONE naming both reasons when neither will do.
 */
export async function openToolbox(choice: ToolboxChoice, options: ToolboxOptions): Promise<Toolbox> {
  const toolbox = await (choice === 'auto' ? openEither(options) : open[choice](options));
  options.progress.note(`toolbox: ${toolbox.description}`);
  return toolbox;
}

/** Loaded when chosen: the Docker client is not small. */
const open = {
  docker: async (options: ToolboxOptions) => (await import('./docker/toolbox.ts')).openDockerToolbox(options),
  host: async (options: ToolboxOptions) => {
    const { assertHostReady } = await import('./host-ready.ts');
    await assertHostReady();
    return (await import('./host.ts')).openHostToolbox(options);
  },
};

async function openEither(options: ToolboxOptions): Promise<Toolbox> {
  try {
    const { findEngine } = await import('./docker/engine.ts');
    await findEngine(options.signal);
  } catch (noEngine) {
    return openHostInstead(options, noEngine as Error);
  }
  // An engine that answers is meant to be used: what goes wrong with it is reported, not passed over.
  return open.docker(options);
}

async function openHostInstead(options: ToolboxOptions, noEngine: Error): Promise<Toolbox> {
  try {
    return await open.host(options);
  } catch (noHost) {
    if (!(noHost instanceof LockstepError) || noHost.code !== 'E_TOOLBOX_TOOL') throw noHost;
    throw new LockstepError('E_TOOLBOX_NONE', `no toolbox: ${noEngine.message}; ${noHost.message}`, {
      hint: 'start Docker and give this user its socket, or run as root with the tools that `lockstep doctor` lists',
      cause: noHost,
    });
  }
}
