import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { Stanza } from '../../src/apt/deb822.ts';
import { type ControlFiles, unpackedState } from '../../src/image/dpkg-state.ts';

/** A package of the test's own, as dpkg-deb gets it and as the state is computed from it. */
interface Sample {
  name: string;
  fields?: string;
  conffiles?: string[];
  triggers?: string;
  preinst?: boolean;
}

const samples: Sample[] = [
  { name: 'plain' },
  { name: 'with-conffiles', conffiles: ['/etc/with-conffiles/b.conf', '/etc/with-conffiles/a.conf'] },
  { name: 'side-by-side', fields: 'Multi-Arch: same\n', triggers: 'interest-noawait /usr/share/side\n' },
  {
    name: 'zz-interested',
    triggers: '# comment\ninterest /usr/lib/zz\ninterest-noawait named\ninterest-await other\n',
  },
  { name: 'aa-interested', triggers: 'interest-noawait named\nactivate-noawait other\n' },
  { name: 'with-preinst', preinst: true },
];

describe('the state of an unpacked root', function () {
  this.timeout(60_000);
  let dir: string;
  let arch: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-unpack-'));
    arch = (await execa('dpkg', ['--print-architecture'])).stdout;
    const debs = await Promise.all(samples.map((sample) => makeDeb(dir, sample, arch)));
    for (const sub of ['info', 'updates', 'triggers'])
      await mkdir(path.join(dir, 'root/var/lib/dpkg', sub), { recursive: true });
    await writeFile(path.join(dir, 'root/var/lib/dpkg/status'), '');
    await execa('dpkg', [`--root=${dir}/root`, '--force-script-chrootless', '--unpack', ...debs]);
  });

  after(() => rm(dir, { recursive: true, force: true }));

  const real = (file: string) => readFile(path.join(dir, 'root/var/lib/dpkg', file), 'utf8');
  const computed = () => unpackedState(samples.map((sample) => controlFilesOf(sample, arch)));
  const computedFile = (name: string) => computed().admin.find((file) => file.path === name)?.content;

  it('has the status that dpkg --unpack writes', async () => {
    expect(stanzas(computedFile('status') ?? '')).to.deep.equal(stanzas(await real('status')));
  });

  it('has the trigger interests that dpkg --unpack registers', async () => {
    expect(lines(computedFile('triggers/File'))).to.have.members(lines(await real('triggers/File')));
    expect(lines(computedFile('triggers/named'))).to.have.members(lines(await real('triggers/named')));
    expect(lines(computedFile('triggers/other'))).to.have.members(lines(await real('triggers/other')));
  });

  it('names as conffiles what dpkg --unpack leaves as .dpkg-new', async () => {
    const left = (await readdir(path.join(dir, 'root'), { recursive: true })).filter((file) =>
      file.endsWith('.dpkg-new'),
    );
    expect(computed().conffiles.map((file) => `${file.slice(1)}.dpkg-new`)).to.have.members(left);
  });

  it('names the preinst scripts as dpkg names their files', async () => {
    const scripts = (await readdir(path.join(dir, 'root/var/lib/dpkg/info'))).filter((file) =>
      file.endsWith('.preinst'),
    );
    expect(computed().preinsts.map(({ script }) => script)).to.have.members(scripts);
  });
});

const lines = (text = '') => text.split('\n').filter((line) => line !== '');

/** Each stanza as its fields, since dpkg orders them in its own way. */
function stanzas(status: string): Record<string, string>[] {
  const texts = status.split(/\n\n+/).filter((text) => text.trim() !== '');
  return texts.map((text) => {
    const fields = text
      .trim()
      .split(/\n(?! )/)
      .map((field) => field.split(/:\s*/, 1).concat(field.slice(field.indexOf(':') + 1).trim()));
    return Object.fromEntries(fields) as Record<string, string>;
  });
}

const controlText = ({ name, fields = '' }: Sample, arch: string) =>
  `Package: ${name}\nVersion: 1.0-1\nArchitecture: ${arch}\nMaintainer: Test <test@example.org>\n${fields}Description: sample\n A longer text.\n`;

function controlFilesOf(sample: Sample, arch: string): ControlFiles {
  return {
    control: new Stanza(controlText(sample, arch).trim()),
    conffiles: (sample.conffiles ?? []).map((file) => `${file}\n`).join(''),
    triggers: sample.triggers ?? '',
    hasPreinst: sample.preinst ?? false,
  };
}

async function makeDeb(dir: string, sample: Sample, arch: string): Promise<string> {
  const tree = path.join(dir, sample.name);
  await mkdir(path.join(tree, 'DEBIAN'), { recursive: true });
  await writeFile(path.join(tree, 'DEBIAN/control'), controlText(sample, arch));
  for (const file of sample.conffiles ?? []) {
    await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
    await writeFile(path.join(tree, file), `${file}\n`);
  }
  if (sample.conffiles) await writeFile(path.join(tree, 'DEBIAN/conffiles'), `${sample.conffiles.join('\n')}\n`);
  if (sample.triggers) await writeFile(path.join(tree, 'DEBIAN/triggers'), sample.triggers);
  if (sample.preinst) await writeFile(path.join(tree, 'DEBIAN/preinst'), '#!/bin/sh\n', { mode: 0o755 });
  const deb = path.join(dir, `${sample.name}.deb`);
  await execa('dpkg-deb', ['--root-owner-group', '--build', tree, deb]);
  return deb;
}
