import path from 'node:path';
import { type Architecture, architectures } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { draftOfDevice } from '../../peers/device-draft.ts';
import { type Draft, usualSuites } from '../../peers/draft.ts';
import type { InstalledPackage } from '../../peers/installed-set.ts';
import { readDevice } from '../../peers/live-device.ts';
import { draftOfMultistrap } from '../../peers/multistrap.ts';
import { draftOfList } from '../../peers/package-list.ts';
import { checkHostKey, deviceNameOf, parseAddress } from '../devices/address.ts';
import { firstLogin } from '../devices/first-login.ts';
import type { Context } from '../verb.ts';
import { readMultistrap, readPeerFile } from './read-peer-file.ts';

export interface PeerOptions {
  fromMultistrap?: string;
  fromPackages?: string;
  fromDevice?: string;
  hostKey?: string;
  arch?: string;
  suite?: string[];
}

/** What a project is to be made from. */
export interface Peer {
  draft: Draft;
  /** As the head of lockstep.yml calls it. */
  from: string;
  /** What a device has, which its lockfile is to pin. */
  installed?: InstalledPackage[];
}

/** Throws E_USAGE for what cannot be read, or is not of one kind. */
export async function readPeer(context: Context, options: PeerOptions): Promise<Peer> {
  const { fromMultistrap, fromPackages, fromDevice, suite } = options;
  const arch = architectureOf(options.arch);
  if ([fromMultistrap, fromPackages, fromDevice].filter((from) => from !== undefined).length > 1) {
    throw new LockstepError('E_USAGE', 'init: one of --from-multistrap, --from-packages and --from-device at a time');
  }
  if (fromDevice !== undefined) return withSuites(await fromLiveDevice(context, fromDevice, options), suite);
  if (fromMultistrap !== undefined) {
    const label = path.basename(fromMultistrap);
    const draft = draftOfMultistrap(await readMultistrap(path.resolve(fromMultistrap)), label, arch);
    return withSuites({ draft, from: label }, suite);
  }
  const file = fromPackages ?? '-';
  const label = file === '-' ? 'standard input' : path.basename(file);
  const defaults = { arch: arch ?? 'armhf', suites: suite ?? usualSuites };
  const draft = draftOfList(await readPeerFile(file), label, defaults);
  if (draft.image.packages.length === 0) throw new LockstepError('E_USAGE', `${label} names no package`);
  return { draft, from: label };
}

function architectureOf(wanted: string | undefined): Architecture | undefined {
  const known = architectures.find((arch) => arch === wanted);
  if (wanted === undefined || known !== undefined) return known;
  throw new LockstepError('E_USAGE', `--arch ${wanted}: lockstep builds for ${architectures.join(', ')}`);
}

function withSuites(peer: Peer, suites: string[] | undefined): Peer {
  if (suites === undefined) return peer;
  return { ...peer, draft: { ...peer.draft, image: { ...peer.draft.image, suites } } };
}

async function fromLiveDevice(context: Context, address: string, { hostKey }: PeerOptions): Promise<Peer> {
  checkHostKey(hostKey);
  const at = parseAddress('init --from-device', address);
  const name = deviceNameOf(at.host);
  const { session, hostKey: pinned } = await firstLogin(context, name, at, hostKey);
  try {
    const { image, notes, installed } = draftOfDevice(await readDevice(session));
    return { draft: { image, device: { ...at, name, hostKey: pinned }, notes }, from: `device ${name}`, installed };
  } finally {
    await session.close();
  }
}
