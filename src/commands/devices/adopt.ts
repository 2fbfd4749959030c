import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { withDevice } from '../../config/add-device.ts';
import { parseConfig } from '../../config/load.ts';
import { hostForm, hostKeyForm } from '../../config/schema.ts';
import type { Config } from '../../config/types.ts';
import { type Connection, realConnection } from '../../device/connection.ts';
import { fingerprintOf, keyTypeOf } from '../../device/fingerprint.ts';
import { hostKeyError, isTrusted } from '../../device/host-key.ts';
import { shownHostKey } from '../../device/shown-key.ts';
import { connect } from '../../device/ssh.ts';
import { trustOf } from '../../device/trust.ts';
import { LockstepError } from '../../errors/index.ts';
import { type Context, ok } from '../verb.ts';
import type { DevicesAction } from './action.ts';

/**
 * `lockstep devices adopt [USER@]HOST[:PORT]`: writes a device into lockstep.yml, its host key pinned. The key is taken
 * when `--host-key` names it, when known_hosts holds it, or when somebody at a terminal says so; and only after a login.
 */
export const adopt: DevicesAction = {
  async run(context, [address, ...more], { hostKey, as }) {
    if (address === undefined || more.length > 0) {
      throw new LockstepError('E_USAGE', 'devices adopt: it is `devices adopt [USER@]HOST[:PORT]`, one at a time');
    }
    if (hostKey !== undefined && !hostKeyForm.test(hostKey)) {
      throw new LockstepError('E_USAGE', `--host-key ${hostKey} is no fingerprint: SHA256: and 43 characters`);
    }
    const at = parseAddress(address);
    const config = await context.config();
    const name = freeName(config, as ?? nameOf(at.host));
    const image = await imageFor(context, config);
    const asked = { ...at, name, hostKey: hostKey ?? null, identity: null, proxyJump: null };
    const to = await realConnection(asked, context.environment);
    const pinned = await confirmedKey(context, to);
    const session = await connect({ ...to, hostKey: pinned }, context);
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

interface Address {
  host: string;
  port: number | null;
  user: string | null;
}

function parseAddress(address: string): Address {
  const [, user = null, bracketed, bare, port] =
    /^(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+|[0-9a-fA-F:]{3,}))(?::(\d+))?$/.exec(address.replace(/^ssh:\/\//, '')) ?? [];
  const host = bracketed ?? bare ?? '';
  if (hostForm.test(host)) return { host, port: port === undefined ? null : Number(port), user };
  throw new LockstepError('E_USAGE', `devices adopt: ${address} is not of the form [USER@]HOST[:PORT]`);
}

/** The host's first label; an address as a whole. */
function nameOf(host: string): string {
  if (/^[0-9.]+$|:/.test(host)) return host.replaceAll(/[:%]/g, '-').toLowerCase();
  return (host.split('.')[0] ?? host).toLowerCase();
}

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

/** Fingerprint of the key that the machine shows, once somebody has said that it is the machine's. */
async function confirmedKey(context: Context, to: Connection): Promise<string> {
  const shown = await shownHostKey(to, context);
  const fingerprint = fingerprintOf(shown);
  const trust = await trustOf(to, context.environment);
  if (isTrusted(shown, trust)) return fingerprint;
  const at = `${to.host}:${to.port}`;
  const error = hostKeyError(at, shown, trust);
  if (error.code !== 'E_SSH_HOST_KEY_UNKNOWN') throw error;
  const question = `${at} shows the ${keyTypeOf(shown)} host key\n  ${fingerprint}\nIs that what \`ssh-keygen -lf\` prints on the device itself? [yes/no] `;
  const answer = await context.ask?.(question);
  if (answer?.trim() === 'yes') return fingerprint;
  throw new LockstepError('E_SSH_HOST_KEY_UNKNOWN', error.message, {
    hint:
      'Compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the device itself; when it is the ' +
      `same: --host-key ${fingerprint}`,
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
