import { readFile } from 'node:fs/promises';
import type { SigningConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { carriedLayer } from '../carried-files.ts';
import type { OverlayLayer } from '../overlay.ts';
import { readPublicKey } from './public-key.ts';

/**
 * What an image carries to refuse unsigned successors: the public key, an ostree remote that demands it
 * (ostree.repo-config(5)), and the remote's name for `lockstep push`. None without `signing.remote`. Throws E_SIGN_KEY.
 */
export async function trustLayers(
  toolbox: Toolbox,
  image: string,
  signing: SigningConfig | null,
): Promise<OverlayLayer[]> {
  if (signing?.remote == null) return [];
  await readPublicKey(signing.publicKey);
  const name = signing.remote.name ?? image;
  if (name === 'lockstep')
    throw new LockstepError('E_CONFIG_VALUE', taken, { hint: 'give it another: signing.remote.name' });
  const key = `usr/share/lockstep/keys/${name}.asc`;
  const files = [
    { path: key, content: await readFile(signing.publicKey) },
    { path: `etc/ostree/remotes.d/${name}.conf`, content: Buffer.from(remoteConfig(name, key, signing.remote.url)) },
    { path: 'usr/share/lockstep/remote', content: Buffer.from(`${name}\n`) },
  ];
  return [carriedLayer(toolbox, files)];
}

const taken = 'the remote in the image cannot be called lockstep: devices without a remote of their own get that one';

/** Without a URL of its own it serves pushes alone, which bring theirs. */
function remoteConfig(name: string, key: string, url: string | null): string {
  const lines = [`[remote "${name}"]`, `url=${url ?? 'http://127.0.0.1/'}`, 'gpg-verify=true', `gpgkeypath=/${key}`];
  return `${lines.join('\n')}\n`;
}
