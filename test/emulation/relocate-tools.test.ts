import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { staysEmulated } from '../../src/emulation/hot-packages.ts';
import { nativeDir, type Relocation, relocationLines, relocations } from '../../src/emulation/layout.ts';
import { resourceText } from '../../src/resources.ts';

const [libraries, interpreter] = relocations.map(([from]) => from) as [string, string];
const multiarch = libraries.slice(1);

/** Relocates what lies unpacked in `tree`, as `stages/native-tools.sh` does. */
async function relocate(tree: string, native: string, pairs: readonly Relocation[] = relocations): Promise<string> {
  const out = `${tree}-out`;
  await mkdir(out);
  const program = resourceText('stages/relocate-tools.pl');
  await execa('perl', ['-e', program, out, native, relocationLines(pairs), staysEmulated.join(' ')], { cwd: tree });
  return out;
}

async function put(file: string, content: string | Buffer, mode = 0o755): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  await chmod(file, mode);
}

/** A tree with a loader and the programs given; short, as it may have to take the place of a built-in path. */
async function treeWith(files: Record<string, string | Buffer>): Promise<string> {
  const tree = path.join(await mkdtemp('/tmp/ls-'), 't');
  await put(`${tree}/${multiarch}/ld-linux-x86-64.so.2`, 'loader');
  for (const [name, content] of Object.entries(files)) await put(`${tree}/${name}`, content);
  return tree;
}

const removeTree = (tree: string) => rm(path.dirname(tree), { recursive: true });

describe('relocating native tools', () => {
  const made = [
    `\x7fELF…${interpreter}${libraries}${libraries}/perl-base\0`,
    `${libraries}64 /usr/lib/x86_64-linux-gn /usr/lib/${'\xff'}\0`,
  ].join('');
  let tree: string;
  let out: string;

  before(async () => {
    tree = await treeWith({
      'usr/bin/tool': Buffer.from(made, 'latin1'),
      'usr/bin/uname': `\x7fELF${interpreter}`,
      'usr/bin/script': '#!/bin/sh\n',
      'usr/lib/systemd/helper': `\x7fELF${interpreter}`,
      'usr/share/doc/tool': `\x7fELF${interpreter}`,
      [`${multiarch}/libx.so.1.2`]: `\x7fELF${libraries}/gconv`,
      [`${multiarch}/perl-base/auto/X.so`]: '\x7fELF',
    });
    await put(`${tree}/usr/bin/not-executable`, `\x7fELF${interpreter}`, 0o644);
    await symlink('tool', `${tree}/usr/bin/another-name`);
    await symlink('libx.so.1.2', `${tree}/${multiarch}/libx.so.1`);
    out = await relocate(tree, nativeDir);
  });

  after(() => removeTree(tree));

  it('replaces every built-in path and the interpreter where they stand, and no other byte', async () => {
    const relocated = await readFile(`${out}/usr/bin/tool`, 'latin1');
    expect(relocated).to.have.lengthOf(Buffer.from(made, 'latin1').length);
    const expected = relocations.reduce((text, [from, to]) => text.replaceAll(from, to), made);
    expect(relocated).to.equal(Buffer.from(expected, 'latin1').toString('latin1'));
    expect(relocated).to.contain('/run/lockstep-native/ld.so\0').and.to.not.contain(libraries);
  });

  it('takes programs that are started by name or by helpers’ paths, and no scripts, links or data', async () => {
    expect(await readFile(`${out}/programs`, 'utf8')).to.equal('/usr/bin/tool\n/usr/lib/systemd/helper\n');
  });

  it('leaves out what answers for the architecture, such as uname', async () => {
    await expectMissing(`${out}/usr/bin/uname`);
  });

  it('brings libraries, links and private directories along, relocated', async () => {
    expect(await readFile(`${out}/lib/libx.so.1.2`, 'utf8')).to.match(/^\x7fELF\/run\/lockstep-native\/lib\/+gconv$/);
    expect(await readlink(`${out}/lib/libx.so.1`)).to.equal('libx.so.1.2');
    expect(await readFile(`${out}/lib/perl-base/auto/X.so`, 'utf8')).to.equal('\x7fELF');
  });

  it('leads to the dispatcher under a name that ends with the twin’s path', async () => {
    const link = `${out}/dispatch${nativeDir}/usr/bin/tool`;
    expect(await readlink(link)).to.equal(`${nativeDir}/dispatcher`);
    expect(await readlink(`${out}/ld.so`)).to.equal('lib/ld-linux-x86-64.so.2');
  });

  it('fails where the C library brought no loader', async () => {
    const bare = await treeWith({ 'usr/bin/tool': made });
    await rm(`${bare}/${multiarch}/ld-linux-x86-64.so.2`);
    const failure = await relocate(bare, nativeDir).catch((error: Error) => error);
    expect(String(failure)).to.contain('no loader');
    await removeTree(bare);
  });
});

describe('a program of this machine, relocated', function () {
  this.timeout(30_000);
  let tree: string;
  let native: string;

  /** Perl, as it loads compiled modules from built-in directories, with the C library as its package lays it. */
  before(async () => {
    tree = await treeWith({});
    native = `${tree}-out`;
    await mkdir(`${tree}/usr/bin`);
    await copyFile('/usr/bin/perl', `${tree}/usr/bin/perl`);
    for (const library of ['ld-linux-x86-64.so.2', 'libc.so.6', 'libm.so.6', 'libcrypt.so.1']) {
      await copyFile(`${libraries}/${library}`, `${tree}/${multiarch}/${library}`);
    }
    await cp(`${libraries}/perl-base`, `${tree}/${multiarch}/perl-base`, { recursive: true });
    await relocate(tree, native, [
      [libraries, `${native}/lib`.padEnd(libraries.length, '/')],
      [interpreter, `${native}/ld.so`.padEnd(interpreter.length, '\0')],
    ]);
  });

  after(() => removeTree(tree));

  it('runs by the loader and with the libraries and modules of its new place alone', async () => {
    const script = 'use Fcntl; use Socket; open my $maps, "<", "/proc/self/maps"; print while <$maps>';
    // The machine's own cache and directories of libraries come first in the loader's search; an image of another
    // architecture has none.
    const env = { LD_LIBRARY_PATH: `${native}/lib` };
    const { stdout } = await execa(`${native}/usr/bin/perl`, ['-e', script], { env, extendEnv: false });
    const mapped = new Set([...stdout.matchAll(/\s(\/\S+)$/gm)].map(([, file]) => file!));
    const outside = [...mapped].filter((file) => !file.startsWith(`${native}/`));
    expect(outside, 'mapped from elsewhere').to.deep.equal([]);
    const names = [...mapped].map((file) => path.basename(file));
    expect(names).to.include.members(['perl', 'ld-linux-x86-64.so.2', 'libc.so.6', 'Fcntl.so', 'Socket.so']);
  });

  it('looks for its modules in its new place first', async () => {
    const env = { LD_LIBRARY_PATH: `${native}/lib` };
    const { stdout } = await execa(`${native}/usr/bin/perl`, ['-e', 'print join "\\n", @INC'], { env });
    const places = stdout.split('\n');
    expect(places.some((place) => path.normalize(place) === `${native}/lib/perl-base`)).to.equal(true);
    expect(places.filter((place) => place.startsWith(libraries))).to.deep.equal([]);
  });
});

async function expectMissing(file: string): Promise<void> {
  const found = await readFile(file).then(
    () => true,
    () => false,
  );
  expect(found, file).to.equal(false);
}
