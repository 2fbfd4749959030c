import { mkdir, writeFile } from 'node:fs/promises';
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
output=$1 program=$2
shift 2
holder=$(perl -e "$program" "$@")
table=/proc/$holder/root/proc/sys/fs/binfmt_misc
cp "$table"/native* "$table/foreign" "$output" 2>/dev/null || true
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
      await mkdir(`${dir}/entries`);
      const places = [`${dir}/root`, `${dir}/tools`, nativeDir, dispatchDir, '/bin/true', binfmtMagic('armhf') ?? ''];
      const isolated = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
      const argv = ['bash', '-euo', 'pipefail', '-c', script, 'hold', `${dir}/entries`];
      const holder = resourceText('stages/hold-namespace.pl');
      map = (await execa('unshare', [...isolated, '--', ...argv, holder, ...places])).stdout;
      const { stdout } = await execa('sh', ['-c', 'head -v -n 99 "$1"/*', 'sh', `${dir}/entries`]);
      for (const text of stdout.split(/^==> /m).slice(1)) {
        registered.set(path.basename(/^interpreter (\S+)/m.exec(text)?.[1] ?? ''), text);
      }
    });

    it('starts twins of programs that begin like no other, or like themselves under another name', () => {
      expect([...registered.keys()].sort()).to.deep.equal(['alone', 'name', 'true']);
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
