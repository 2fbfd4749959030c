import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { withDevice } from '../../config/add-device.ts';
import { parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Context, ok } from '../verb.ts';
import type { DevicesAction } from './action.ts';
import { checkHostKey, deviceNameOf, parseAddress } from './address.ts';
import { firstLogin } from './first-login.ts';

/**
 * `lockstep devices adopt [USER@]HOST[:PORT]`: writes a device into lockstep.yml, its host key pinned. The key is taken
 * when `--host-key` names it, when known_hosts holds it, or when somebody at a terminal says so; and only after a login.
 */
export const adopt: DevicesAction = {
  async run(context, [address, ...more], { hostKey, as }) {
    if (address === undefined || more.length > 0) {
      throw new LockstepError('E_USAGE', 'devices adopt: it is `devices adopt [USER@]HOST[:PORT]`, one at a time');
    }
    checkHostKey(hostKey);
    const at = parseAddress('devices adopt', address);
    const config = await context.config();
    const name = freeName(config, as ?? deviceNameOf(at.host));
    const image = await imageFor(context, config);
    const { session, hostKey: pinned } = await firstLogin(context, name, at, hostKey);
    await session.close();
    await rewrite(config.file, (text) => withDevice(text, name, { ...at, hostKey: pinned, image }));
    const told = `${name} is in ${config.file}, with the host key ${pinned}`;
    return ok(`${told}\nwhat it lacks: lockstep devices check ${name}`, {
      action: 'adopt',
      device: name,
      hostKey: pinned,
    });
  },
};

function freeName({ devices, file }: Config, name: string): string {
  if (!devices.some((device) => device.name === name)) return name;
  throw new LockstepError('E_USAGE', `${file} has a device ${name} already`, {
    hint: 'Correct its `hostKey:` there if it has another one now, or name this one with `--as NAME`.',
  });
}

/** Needed only where there is a choice. */
async function imageFor(context: Context, { images }: Config): Promise<string | null> {
  if (images.length === 1) return null;
  const chosen = await context.images();
  if (chosen.length === 1) return chosen[0]?.name ?? null;
  const names = images.map((image) => image.name).join(', ');
  throw new LockstepError('E_USAGE', 'devices adopt: say which image it runs, with `--image NAME`', {
    hint: `images are: ${names}`,
  });
}

/** Replaces the file as a whole, and only by one that is read without complaint. */
async function rewrite(named: string, change: (text: string) => string): Promise<void> {
  const text = change(await readFile(named, 'utf8'));
  parseConfig(named, text);
  const file = await realpath(named);
  const temporary = `${file}.tmp`;
  try {
    await writeFile(temporary, text, { mode: (await stat(file)).mode });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}
