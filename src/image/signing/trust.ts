import { readFile } from 'node:fs/promises';
import type { RemoteConfig, SigningConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { type CarriedFile, carriedLayer } from '../overlay/carried-files.ts';
import type { OverlayLayer } from '../overlay/overlay.ts';
import { readPublicKey } from './public-key.ts';

/** What an image carries to refuse unsigned successors, as a layer; none without `signing.remote`. Throws E_SIGN_KEY. */
export async function trustLayers(
  toolbox: Toolbox,
  image: string,
  signing: SigningConfig | null,
): Promise<OverlayLayer[]> {
  if (signing?.remote == null) return [];
  return [carriedLayer(toolbox, await trustFiles(image, signing, signing.remote))];
}

/**
 * The public key, an ostree remote that demands it (ostree.repo-config(5)), and the remote's name for `lockstep push`.
 * Throws E_SIGN_KEY.
 */
export async function trustFiles(
  image: string,
  signing: Pick<SigningConfig, 'publicKey'>,
  remote: RemoteConfig,
): Promise<CarriedFile[]> {
  await readPublicKey(signing.publicKey);
  const name = remote.name ?? image;
  if (name === 'lockstep')
    throw new LockstepError('E_CONFIG_VALUE', taken, { hint: 'give it another: signing.remote.name' });
  const key = `usr/share/lockstep/keys/${name}.asc`;
  return [
    { path: key, content: await readFile(signing.publicKey) },
    { path: `etc/ostree/remotes.d/${name}.conf`, content: Buffer.from(remoteConfig(name, key, remote.url)) },
    { path: 'usr/share/lockstep/remote', content: Buffer.from(`${name}\n`) },
  ];
}

const taken = 'the remote in the image cannot be called lockstep: devices without a remote of their own get that one';

/** Without a URL of its own it serves pushes alone, which bring theirs. */
function remoteConfig(name: string, key: string, url: string | null): string {
  const lines = [`[remote "${name}"]`, `url=${url ?? 'http://127.0.0.1/'}`, 'gpg-verify=true', `gpgkeypath=/${key}`];
  return `${lines.join('\n')}\n`;
}
