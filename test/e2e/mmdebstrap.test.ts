import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { parseStanzas } from '../../src/apt/deb822.ts';
import { parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { builtPanel, temporaryDirectory } from './projects.ts';
import { describeTree, type TreeEntry } from './tree.ts';

/**
 * Paths that differ between the root that the commit holds and the one that mmdebstrap makes of the same packages, each
 * with its reason. What finalize moves is moved back before the comparison (see asInstalled).
 */
const reasons: [RegExp, string][] = [
  [/^(initrd\.img|vmlinuz)(\.old)?$/, 'ostree finds the kernel by its own layout'],
  [/^boot\/initrd\.img-/, 'made by a stage of its own, into usr/lib/modules'],
  [/^usr\/lib\/modules\/[^/]+\/initramfs\.img$/, 'made by a stage of its own'],
  [/^usr\/lib\/linux-image-[^/]+$/, 'leads to the device trees beside the kernel (compared in their place)'],
  [/^etc\/(hostname|resolv\.conf|fstab)$/, 'mmdebstrap copies or makes them for the machine that it runs on'],
  [/^etc\/machine-id$/, 'empty: systemd makes one for each device'],
  [/^var\/lib\/dbus\/machine-id$/, 'leads to etc/machine-id, made on the device'],
  [/^etc\/ssh\/ssh_host_/, 'each device makes its own on its first boot'],
  [/^etc\/(passwd|group|shadow|gshadow|subuid|subgid|shells)-$/, 'backups of the file before its last change'],
  [/^etc\/\.pwd\.lock$/, 'a lock of the build'],
  [/^etc\/ld\.so\.cache$/, 'its order depends on the order in which ldconfig met the directories'],
  [/^etc\/apt\/(sources\.list(\.d)?|preferences\.d|apt\.conf\.d\/99mmdebstrap)$/, 'made by mmdebstrap and its hooks'],
  [/^etc\/(passwd|group|gshadow)$/, 'ids from 100 on are handed out in the order of configuration (compared by name)'],
  [/^etc\/shadow$/, 'the day of the last password change: a fixed one instead of today'],
  [/^usr\/lib\/tmpfiles\.d\/lockstep-var\.conf$/, 'made by finalize'],
  [/^usr\/lib\/dracut\/modules\.d\/98lockstep(\/.*)?$/, 'ends a trial that stops in the initramfs'],
  [/^usr\/lib\/systemd\/system\/(lockstep-|ssh\.service\.wants)/, 'first-boot host keys, made by finalize'],
  [
    /^usr\/lib\/(lockstep(\/.*)?|systemd\/(system\/[a-z-]+\.target\.wants\/lockstep-.*|system\.conf\.d(\/.*)?))$/,
    'what judges boots on the device and takes bad deployments back',
  ],
  [/^usr\/lib\/os-release$/, 'carries the name and version of the image'],
  [
    /^(etc\/systemd\/network\/20-wired\.network|usr\/lib\/systemd\/system\/multi-user\.target\.d(\/.*)?)$/,
    'the overlay',
  ],
  [/^(ostree|sysroot|media|home|srv|mnt|opt|root|usr\/local)$/, 'leads to where a device may write'],
  [/^(root|usr\/local)\/.*$/, 'made by tmpfiles.d in /var (compared through it)'],
  [/^usr\/share\/factory(\/var(\/|$)|$)/, 'what systemd-tmpfiles copies into /var (compared in its place)'],
  [/^usr\/lib\/sysimage$/, 'holds the package database (compared in its place)'],
  [/^var(\/.*)?$/, 'directories are made by tmpfiles.d (compared through it)'],
  [/^(dev|run|tmp|proc|sys)(\/.*)?$/, 'empty in a commit'],
];

/** The few differences of content in the package database, apart from what is compared field by field. */
const database: [RegExp, string][] = [
  [
    /^var\/lib\/dpkg\/(lock.*|status-old|diversions-old|statoverride-old|triggers\/Lock|available)$/,
    'locks and backups',
  ],
  [/^var\/lib\/dpkg\/(status|triggers\/File)$/, 'compared by their content, whose order is that of installation'],
];

describe('the root that the commit holds', function () {
  this.timeout(30 * 60_000);
  let ours: Map<string, TreeEntry>;
  let theirs: Map<string, TreeEntry>;
  let ourRoot: string;
  let theirRoot: string;

  before(async () => {
    const { dir, commit, without } = await builtPanel();
    const work = await temporaryDirectory('mmdebstrap');
    ourRoot = path.join(work, 'ours');
    theirRoot = path.join(work, 'theirs');
    await execa('ostree', [`--repo=${dir}/.lockstep/repo`, 'checkout', '-H', commit, ourRoot]);
    await mmdebstrap(dir, without, theirRoot);
    ours = asInstalled(await describeTree(ourRoot, 'usr/etc'));
    theirs = await describeTree(theirRoot, 'etc');
  });

  it('has the files, modes, owners and links that mmdebstrap installs', () => {
    const differences = compare(ours, theirs).filter(({ name }) => !explained(name, [...reasons, ...database]));
    expect(differences.map(({ text }) => text)).to.deep.equal([]);
  });

  it('has the package status that dpkg ends with', async () => {
    expect(await statusOf(`${ourRoot}/usr/lib/sysimage/dpkg`)).to.deep.equal(
      await statusOf(`${theirRoot}/var/lib/dpkg`),
    );
  });

  it('has the same trigger interests', async () => {
    const interests = async (dir: string) => (await readFile(`${dir}/triggers/File`, 'utf8')).trim().split('\n').sort();
    expect(await interests(`${ourRoot}/usr/lib/sysimage/dpkg`)).to.deep.equal(
      await interests(`${theirRoot}/var/lib/dpkg`),
    );
  });

  it('has the same users and groups', async () => {
    for (const name of ['passwd', 'group', 'gshadow']) {
      expect(await accounts(`${ourRoot}/usr/etc`, name), name).to.deep.equal(await accounts(`${theirRoot}/etc`, name));
    }
  });

  it('makes in /var, at boot, what mmdebstrap has there', async () => {
    const rules = await readFile(`${ourRoot}/usr/lib/tmpfiles.d/lockstep-var.conf`, 'utf8');
    const made = new Set([...rules.matchAll(/^[dLC]\+? "?\/(var\/[^"\s]*)"? /gm)].map(([, name]) => name));
    const wanted = [...theirs.values()].map(({ name }) =>
      name.replace(/^root\//, 'var/roothome/').replace(/^usr\/local\//, 'var/usrlocal/'),
    );
    // Traces of the build, what systemd's own tmpfiles.d makes, and the package database, which is compared above.
    const known =
      /^var\/(lib\/dpkg|cache\/apt|lib\/apt|tmp|run|lock|log)(\/|$)|-old$|aux-cache$|^var\/lib\/(dbus\/machine-id|ucf\/.*\.\d)$/;
    const left = wanted.filter((name) => name.startsWith('var/') && !made.has(name) && !known.test(name));
    expect(left).to.deep.equal([]);
  });
});

/** The lines of an account file with names in the place of ids that are handed out in the order of configuration. */
async function accounts(etc: string, file: string): Promise<string[]> {
  const groups = new Map(
    lines(await readFile(`${etc}/group`, 'utf8')).map((line) => [line.split(':')[2], line.split(':')[0]]),
  );
  const isHandedOut = (id = '') => Number(id) >= 100 && Number(id) < 60_000;
  return lines(await readFile(`${etc}/${file}`, 'utf8'))
    .map((line) => {
      const fields = line.split(':');
      if (file === 'passwd') fields[3] = groups.get(fields[3]) ?? `${fields[3]} without a name`;
      if (file !== 'gshadow' && isHandedOut(fields[2])) fields[2] = 'handed out';
      return fields.join(':');
    })
    .sort();
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

/** mmdebstrap with the very versions of the lockfile, from the suites that it was resolved from. */
async function mmdebstrap(dir: string, without: string[], target: string): Promise<void> {
  const lockfile = parseLockfile(await readFile(`${dir}/panel.lock`, 'utf8'), 'panel.lock');
  const packages = lockfile.packages.map((locked) => `${locked.package}=${locked.version}`).join(',');
  const sources = (await readFile(`${dir}/.lockstep/apt/panel/image.sources`, 'utf8')).trim();
  const stanzas = parseStanzas(sources).filter((stanza) => !without.includes(stanza.get('Suites') ?? ''));
  const lines = stanzas.map(
    (stanza) => `deb [signed-by=${stanza.get('Signed-By')}] ${stanza.get('URIs')} ${stanza.get('Suites')} main`,
  );
  const options = ['--architectures=armhf', '--variant=essential', '--format=directory', `--include=${packages}`];
  // usrmerge, which apt would choose for the essential set, converts a root that is merged from the start.
  const preference = '$1/etc/apt/preferences.d/usrmerge';
  const hooks = [
    '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
    `--setup-hook=printf 'Package: usrmerge\\nPin: release *\\nPin-Priority: -1\\n' >"${preference}"`,
    `--customize-hook=rm "${preference}"`,
  ];
  // It mounts as it works: in a namespace of its own, nothing of that outlives a test that is stopped.
  const namespace = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  await execa('unshare', [...namespace, 'mmdebstrap', ...options, ...hooks, 'bookworm', target, ...lines]);
}

/** Undoes what finalize moves, so that each file is compared under the name that its package gives it. */
function asInstalled(tree: Map<string, TreeEntry>): Map<string, TreeEntry> {
  const moved: [RegExp, string][] = [
    [/^usr\/etc(\/|$)/, 'etc$1'],
    [/^usr\/lib\/sysimage\/dpkg(\/|$)/, 'var/lib/dpkg$1'],
    [/^usr\/lib\/modules\/([^/]+)\/(vmlinuz|config|System\.map)$/, 'boot/$2-$1'],
    [/^usr\/lib\/modules\/([^/]+)\/dtb(\/|$)/, 'usr/lib/linux-image-$1$2'],
  ];
  const entries = [...tree.values()].map((entry) => ({
    ...entry,
    name: moved.reduce((name, [from, to]) => name.replace(from, to), entry.name),
  }));
  return new Map(entries.map((entry) => [entry.name, entry]));
}

interface Difference {
  name: string;
  text: string;
}

function compare(ours: Map<string, TreeEntry>, theirs: Map<string, TreeEntry>): Difference[] {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return names.flatMap((name) => {
    const [mine, peer] = [ours.get(name)?.text, theirs.get(name)?.text];
    return mine === peer
      ? []
      : [{ name, text: `${name}: lockstep ${mine ?? 'has none'}, mmdebstrap ${peer ?? 'has none'}` }];
  });
}

const explained = (name: string, list: [RegExp, string][]) => list.some(([pattern]) => pattern.test(name));

/** Each package's fields, whatever their order in the file. */
async function statusOf(dir: string): Promise<Record<string, string>> {
  const stanzas = parseStanzas(await readFile(`${dir}/status`, 'utf8'));
  return Object.fromEntries(
    stanzas.map((stanza) => [
      stanza.get('Package'),
      stanza.raw
        .split(/\n(?! )/)
        .sort()
        .join('\n'),
    ]),
  );
}
