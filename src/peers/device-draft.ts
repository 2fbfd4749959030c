import { type Architecture, architectures } from '../config/types.ts';
import { LockstepError } from '../errors/index.ts';
import type { AptSource } from './apt-sources.ts';
import { type ImageDraft, type Note, suitesOf } from './draft.ts';
import { type InstalledPackage, installedIn, wantedOf } from './installed-set.ts';
import type { LiveDevice } from './live-device.ts';

/** What a device is taken for: an image, and what is installed of it. */
export interface DeviceDraft {
  image: ImageDraft;
  notes: Note[];
  installed: InstalledPackage[];
}

/** Throws E_USAGE for a device of an architecture that lockstep does not build for. */
export function draftOfDevice(device: LiveDevice): DeviceDraft {
  const all = installedIn(device.status);
  const arch = architectureOf(device.name, all);
  const installed = all.filter(({ architecture }) => architecture === arch || architecture === 'all');
  const own = device.sources.filter((source) => isOwn(source, codenameOf(device)));
  const suites = [...new Set(own.flatMap(({ suites }) => suites))];
  const components = [...new Set(own.flatMap((source) => source.components))];
  const [mirror] = own.map(({ url }) => url.replace(/\/+$/, '')).filter((url) => /^https?:/.test(url));
  return {
    image: {
      arch,
      suites: suites.length > 0 ? suites : suitesOf(codenameOf(device) ?? 'bookworm'),
      ...(components.length > 0 && components.join() !== 'main' ? { components } : {}),
      ...(mirror === undefined ? {} : { mirror }),
      packages: wantedOf(installed, device.automatic),
    },
    notes: notesOn(device, { all, installed, own, arch }),
    installed,
  };
}

/** That of most packages: a device needs no dpkg to ask, and may have some of a second one. */
function architectureOf(device: string, installed: readonly InstalledPackage[]): Architecture {
  const counts = new Map<string, number>();
  for (const { architecture } of installed) counts.set(architecture, (counts.get(architecture) ?? 0) + 1);
  counts.delete('all');
  const [most = 'none'] = [...counts].sort(([, a], [, b]) => b - a).map(([architecture]) => architecture);
  const known = architectures.find((arch) => arch === most);
  if (known !== undefined) return known;
  throw new LockstepError('E_USAGE', `device ${device}: most of its packages are for ${most}`, {
    hint: `lockstep builds for ${architectures.join(', ')}`,
  });
}

function codenameOf({ osRelease }: LiveDevice): string | null {
  return /^VERSION_CODENAME=["']?([a-z]+)/m.exec(osRelease)?.[1] ?? null;
}

/** Debian's own archive: suites of the device's release, signed by nobody else. */
function isOwn({ suites, signedBy }: AptSource, codename: string | null): boolean {
  const debian = signedBy === null || /(^|\/)debian-archive-[^/]*$/.test(signedBy) || signedBy.startsWith('-----');
  return debian && suites.every((suite) => suite.replace(/[-/].*$/, '') === codename);
}

interface Seen {
  all: InstalledPackage[];
  installed: InstalledPackage[];
  own: AptSource[];
  arch: Architecture;
}

function notesOn(device: LiveDevice, { all, installed, own, arch }: Seen): Note[] {
  const place = device.name;
  const tell = (text: string) => ({ place, text });
  const foreign = all.filter((each) => !installed.includes(each));
  const held = installed.filter(({ isHeld }) => isHeld);
  return [
    ...(own.length > 0 ? [] : [tell('its apt has no sources of its release: the usual suites are taken')]),
    ...device.sources.filter((source) => !own.includes(source)).map(otherSource),
    ...foreign.map((each) => tell(`${each.name} is for ${each.architecture}, not ${arch}: left out`)),
    ...held.map(({ name, version }) => tell(`${name} ${version} is on hold there: write a pin with a reason`)),
    ...device.remotes.map(({ name, url }) =>
      tell(
        `its ostree remote ${name} is ${url}: \`signing: {key: …, publicKey: …, remote: {name: ${name}, url: "${url}"}}\` puts it into the image`,
      ),
    ),
    tell('files that were added or changed there are not carried over: lay them with `overlay:`'),
  ];
}

function otherSource({ place, url, suites, components, signedBy }: AptSource): Note {
  const signer = signedBy === null ? 'apt’s trusted keys' : signedBy.startsWith('-----') ? 'the key there' : signedBy;
  const entry = `{url: "${url}", suites: [${suites.join(', ')}], components: [${components.join(', ')}], keyring: FILE}`;
  return { place, text: `signed by ${signer}: copy that to a FILE and write \`sources: [${entry}]\`` };
}
