import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { binfmtMagic } from '../../src/emulation/binfmt-magic.ts';
import { dispatchDir, nativeDir } from '../../src/emulation/layout.ts';
import { resourceText } from '../../src/resources.ts';
import { probeProgram } from '../../src/toolbox/probe.ts';
import { binfmtEntries, namespacesHaveBinfmt } from './left-behind.ts';
import { temporaryDirectory } from './projects.ts';

/** Starts the holder as a stage does, prints its table of interpreters as files of the directory $1, and ends with it. */
const script = `
output=$1 hold=$2 register=$3 qemu=$4 magic=$5
shift 5
holder=$(perl -e "$hold" "$qemu" "$magic")
table=/proc/$holder/root/proc/sys/fs/binfmt_misc
register_natives() {
  nsenter --user=/proc/$holder/ns/user --mount=/proc/$holder/ns/mnt --preserve-credentials -- perl -e "$register" "$@"
}
register_natives "$@"
mkdir "$output/first" "$output/then"
cp "$table"/!* "$table/foreign" "$output/first"
cp -r "$1.later/." "$1"
register_natives "$@"
cp "$table"/!* "$output/then"
sed -n 1p "/proc/$holder/uid_map"
`;

/** An armhf program: `seed` is in its first 128 bytes, `rest` behind them. */
function program(seed: string, rest = ''): Buffer {
  const head = Buffer.alloc(128);
  probeProgram('armhf').copy(head);
  head.write(seed, 110);
  return Buffer.concat([head, Buffer.from(rest)]);
}

// Kernels that have no such namespaces have nothing to be held.
if (await namespacesHaveBinfmt()) {
  describe('the namespace in which native tools are registered', function () {
    this.timeout(60_000);
    let machines: string[];
    let map: string;
    /** The text of each entry, by the program whose twin it starts. */
    const registered = new Map<string, string>();
    /** The programs whose twins are started when others have come. */
    let then: string[];

    before(async () => {
      machines = await binfmtEntries();
      const dir = await temporaryDirectory('namespace');
      const put = async (file: string, content: string | Buffer) => {
        await mkdir(path.dirname(`${dir}/${file}`), { recursive: true });
        await writeFile(`${dir}/${file}`, content, { mode: 0o755 });
      };
      await put('root/usr/bin/alone', program('alone'));
      await put('root/usr/bin/begins-like', program('alike', 'one'));
      await put('root/usr/libexec/another', program('alike', 'two'));
      await put('root/usr/bin/name', program('same', 'content'));
      await put('root/usr/sbin/other-name', program('same', 'content'));
      await put('root/usr/bin/short', probeProgram('armhf').subarray(0, 100));
      await put('root/usr/bin/without-twin', program('without'));
      const twins = ['alone', 'begins-like', 'name', 'short', 'absent'].map((name) => `/usr/bin/${name}\n`);
      await put('tools/programs', twins.join(''));
      await put('root.later/usr/bin/absent', program('absent'));
      await put('root.later/usr/bin/like-alone', program('alone', 'something else'));
      await mkdir(`${dir}/entries`);
      const places = ['/bin/true', binfmtMagic('armhf') ?? '', `${dir}/root`, `${dir}/tools`, nativeDir, dispatchDir];
      const isolated = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
      const argv = ['bash', '-euo', 'pipefail', '-c', script, 'hold', `${dir}/entries`];
      const programs = ['hold-namespace', 'register-natives'].map((name) => resourceText(`stages/${name}.pl`));
      map = (await execa('unshare', [...isolated, '--', ...argv, ...programs, ...places])).stdout;
      then = (await readdir(`${dir}/entries/then`)).map((name) => name.slice(name.lastIndexOf('!') + 1)).sort();
      const { stdout } = await execa('sh', ['-c', 'head -v -n 99 "$1"/*', 'sh', `${dir}/entries/first`]);
      for (const text of stdout.split(/^==> /m).slice(1)) {
        registered.set(path.basename(/^interpreter (\S+)/m.exec(text)?.[1] ?? ''), text);
      }
    });

    it('starts twins of programs that begin like no other, or like themselves under another name', () => {
      expect([...registered.keys()].sort()).to.deep.equal(['alone', 'name', 'true']);
    });

    it('takes in what has come, and leaves the emulator what is no longer to be told from another', () => {
      expect(then).to.deep.equal(['absent', 'name']);
    });

    it('starts each by the dispatcher under the name of its twin, told by 128 bytes', () => {
      const entry = registered.get('alone') ?? '';
      expect(entry).to.contain(`interpreter ${dispatchDir}${nativeDir}/usr/bin/alone\n`);
      expect(entry).to.match(/^flags: P$/m);
      expect(/^magic ([0-9a-f]+)$/m.exec(entry)?.[1]).to.equal(program('alone').toString('hex'));
    });

    it('starts the emulator for all others', () => {
      expect(registered.get('true'))
        .to.match(/^flags: PF$/m)
        .and.to.match(/^magic 7f454c4601/m);
    });

    it('has the ids that there are outside', () => {
      expect(map.trim().split(/\s+/)).to.deep.equal(['0', '0', '4294967295']);
    });

    it('is gone with all of it when who made it ends, and nobody else saw it', async () => {
      expect(await binfmtEntries()).to.deep.equal(machines);
    });
  });
}
