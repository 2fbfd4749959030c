import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Contents, type MadeDeb, makeDeb } from '../deb/debs.ts';

/** What a preinst script is given and what it sees, kept in the image. */
const witness = `#!/bin/sh
set -e
mkdir -p /var/lib/odd-seen
{
  echo "$0 $* $(pwd) $(umask) $(id -u)"
  env | grep ^DPKG_ | grep -v -e ^DPKG_RUNNING_VERSION -e ^DPKG_FORCE | sort
  dpkg-query -W -f '\${Package} \${Version} \${Architecture} \${Multi-Arch} \${Section} \${Status}\\n' 'odd-*'
  dpkg -S /usr/share/odd-d/both || true
  ls -A /var/lib/dpkg/tmp.ci | grep -v md5sums
  ls -A /usr/share/odd-*
} >"/var/lib/odd-seen/$DPKG_MAINTSCRIPT_PACKAGE"
`;

const files = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `${name}\n`]));

const divert = (name: string, file: string, flags = '--rename') =>
  `${witness}dpkg-divert --package ${name} ${flags} --divert ${file}.aside --add ${file}\n`;

const debconf = `${witness}. /usr/share/debconf/confmodule
db_input low odd-asking/question || true
db_go || true
db_get odd-asking/question
echo "$RET" >/var/lib/odd-seen/answer
`;

/** Packages for what few of the archive show; names tell the order, as packages without a preinst script come first. */
const odd: Contents[] = [
  // Replaces, with the one that replaces before and after the other, and for a conffile.
  { name: 'odd-a-loser', files: files('usr/share/odd-r/one', 'usr/share/odd-r/own'), control: { preinst: witness } },
  {
    name: 'odd-b-heir',
    files: files('usr/share/odd-r/one', 'usr/share/odd-r/two'),
    fields: 'Replaces: odd-a-loser, odd-c-loser\n',
  },
  { name: 'odd-c-loser', files: files('usr/share/odd-r/two', 'usr/share/odd-r/three'), control: { preinst: witness } },
  {
    name: 'odd-conf-a',
    files: files('etc/odd.conf', 'etc/odd-a.conf'),
    control: { conffiles: '/etc/odd-a.conf\n/etc/odd.conf\n' },
  },
  {
    name: 'odd-conf-b',
    files: files('etc/odd.conf'),
    fields: 'Replaces: odd-conf-a (<< 2)\n',
    control: { conffiles: '/etc/odd.conf\n' },
  },
  // Diversions: of what is there, of what comes later, with the file under both names, without a rename.
  {
    name: 'odd-d-diverter',
    files: files('usr/share/odd-d/both'),
    control: { preinst: divert('odd-d-diverter', '/usr/share/odd-d/both') },
  },
  { name: 'odd-d-plain', files: files('usr/share/odd-d/both', 'usr/share/odd-d/early', 'usr/share/odd-d/stays') },
  { name: 'odd-e-diverter', control: { preinst: divert('odd-e-diverter', '/usr/share/odd-d/early') } },
  {
    name: 'odd-f-diverter',
    control: {
      preinst: `${divert('odd-f-diverter', '/usr/share/odd-d/late', '--no-rename')}${divert('odd-f-diverter', '/usr/share/odd-d/stays', '--no-rename').slice(witness.length)}`,
    },
  },
  {
    name: 'odd-g-late',
    files: files('usr/share/odd-d/late', 'etc/odd-g'),
    control: { preinst: witness, conffiles: '/etc/odd-g\n' },
  },
  { name: 'odd-h-conf', control: { preinst: divert('odd-h-conf', '/etc/odd-i') } },
  { name: 'odd-i-conf', files: files('etc/odd-i'), control: { preinst: witness, conffiles: '/etc/odd-i\n' } },
  // Links and directories in each other's place.
  { name: 'odd-k-directory', files: files('usr/share/odd-k/file', 'usr/share/odd-real/file') },
  { name: 'odd-k-link', files: files('usr/share/odd-own/k-link'), fill: link('usr/share/odd-k', 'odd-real') },
  { name: 'odd-l-link', files: files('usr/share/odd-own/l-link'), fill: link('usr/share/odd-l', 'odd-real') },
  { name: 'odd-m-through', files: files('usr/share/odd-l/through'), control: { preinst: witness } },
  { name: 'odd-n-link', files: files('usr/share/odd-own/n-link'), fill: link('usr/share/odd-n', './odd-real') },
  { name: 'odd-n-too', files: files('usr/share/odd-own/n-too'), fill: link('usr/share/odd-n', 'odd-real') },
  // Of a directory that several have, the first one's owner and mode.
  {
    name: 'odd-o-first',
    files: files('usr/share/odd-own/o-first'),
    fill: directory('var/odd', 0o2775, 8),
    keepOwners: true,
  },
  {
    name: 'odd-o-second',
    files: files('usr/share/odd-own/o-second'),
    fill: directory('var/odd', 0o700, 0),
    keepOwners: true,
  },
  {
    name: 'odd-o-third',
    files: files('usr/share/odd-own/o-third'),
    fill: directory('var/odd', 0o1777, 0),
    keepOwners: true,
    control: { preinst: witness },
  },
  // Scripts that touch what their package brings.
  {
    name: 'odd-p-remover',
    files: files('usr/share/odd-p/mine'),
    control: { preinst: `${witness}rm -rf /usr/share/odd-p\n` },
  },
  {
    name: 'odd-q-maker',
    files: files('usr/share/odd-q/dir/file'),
    control: { preinst: `${witness}mkdir -p -m 711 /usr/share/odd-q/dir\necho mine >/usr/share/odd-q/dir/file\n` },
  },
  {
    name: 'odd-s-override',
    fill: tool,
    control: { preinst: `${witness}dpkg-statoverride --force-all --add root mail 2750 /usr/bin/odd-tool\n` },
  },
  {
    name: 'odd-asking',
    fields: 'Depends: debconf\n',
    control: {
      preinst: debconf,
      templates: 'Template: odd-asking/question\nType: string\nDefault: forty-two\nDescription: x\n',
      config: '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_input low odd-asking/question || true\ndb_go || true\n',
    },
  },
  // Names, triggers, aliases of /usr.
  {
    name: 'odd-t-same',
    fields: 'Multi-Arch: same\n',
    files: files('usr/lib/odd.so', 'lib/odd-alias'),
    control: { preinst: witness, triggers: 'interest-noawait /usr/share/odd-d\n' },
  },
  {
    name: 'odd-u-interested',
    fields: 'Essential: no\n',
    control: {
      triggers: '# x\ninterest odd-name\ninterest /usr/odd\ninterest-noawait /usr/odd\nactivate-noawait odd-name\n',
    },
  },
  {
    name: 'odd-v-interested',
    files: files('bin/odd-v', 'sbin/odd-v'),
    control: { preinst: witness, triggers: 'interest-noawait odd-name\n' },
  },
  {
    name: 'odd-w-fields',
    fields:
      'Homepage: http://localhost\nDepends: odd-v-interested(>=0:1)|odd-x , libc6:any\nPriority: Optional\nX-Own: a\n b\nBugs: none\n',
  },
  {
    name: 'odd-y-conf',
    files: files('etc/odd-y'),
    control: { conffiles: '/etc/odd-y\nremove-on-upgrade /etc/odd-gone\n' },
  },
];

export const oddPackages = (): Promise<MadeDeb[]> => Promise.all(odd.map((contents) => makeDeb(contents)));

function link(name: string, target: string): (root: string) => Promise<void> {
  return async (root) => {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await symlink(target, path.join(root, name));
  };
}

function directory(name: string, mode: number, gid: number): (root: string) => Promise<void> {
  return async (root) => {
    await mkdir(path.join(root, name), { recursive: true });
    await chown(path.join(root, name), 0, gid);
    await chmod(path.join(root, name), mode);
  };
}

async function tool(root: string): Promise<void> {
  await mkdir(path.join(root, 'usr/bin'), { recursive: true });
  await writeFile(path.join(root, 'usr/bin/odd-tool'), 'tool\n');
  await chmod(path.join(root, 'usr/bin/odd-tool'), 0o4755);
}
