import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readLockfile } from '../../../src/apt/lockfile/lockfile.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { refusal } from '../../refusal.ts';
import { stanzaText } from '../samples.ts';

/** As aptly writes them for apt2ostree: sorted, no line that says for what, a stanza's last fields in any order. */
const packagesLock = [
  stanzaText('adduser', '3.113+nmu3ubuntu4', {
    Architecture: 'all',
    Task: 'minimal',
    Supported: '5y',
    Origin: 'Ubuntu',
  }),
  stanzaText('dash', '0.5.8-2.1ubuntu2', { Essential: 'yes', 'Description-Md5': '0'.repeat(32), Task: 'minimal' }),
  stanzaText('util-linux', '2.27.1-6ubuntu3', { MD5sum: '0'.repeat(32), SHA1: '0'.repeat(40), Supported: '5y' }),
].join('\n');

const yaml = (entry: string) => `images:\n  panel: {arch: armhf, suites: [xenial], packages: [dash]${entry}}\n`;

describe('a lockfile of apt2ostree', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-packages-lock-'));
    await writeFile(path.join(dir, 'Packages.lock'), packagesLock);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const imageOf = async (text: string) => {
    await writeFile(path.join(dir, 'lockstep.yml'), text);
    return (await loadConfig(dir)).images[0]!;
  };

  it('is built from as it is, once lockstep.yml names it', async () => {
    const lockfile = await readLockfile(await imageOf(yaml(', lockfile: Packages.lock')));
    expect(lockfile.packages.map(({ package: name }) => name)).to.deep.equal(['adduser', 'dash', 'util-linux']);
    expect(lockfile.inputs).to.equal(null);
    expect(await readFile(path.join(dir, 'Packages.lock'), 'utf8')).to.equal(packagesLock);
  });

  it('is held against architecture and packages of the image all the same', async () => {
    const wrong = yaml(', lockfile: Packages.lock').replace('[dash]', '[dash, nginx-core]').replace('armhf', 'amd64');
    const error = await refusal(readLockfile(await imageOf(wrong)), 'E_LOCK_STALE');
    expect(error.message).to.include('the package nginx-core is missing from it');
    expect(error.message).to.include('dash is for armhf, the image is amd64');
  });

  it('is refused under lockstep’s own name, where the lines that say what it was made for were lost', async () => {
    await writeFile(path.join(dir, 'panel.lock'), packagesLock);
    const error = await refusal(readLockfile(await imageOf(yaml(''))), 'E_LOCK_STALE');
    expect(error.message).to.include('it does not say what it was made for');
  });

  it('that says what it was made for is held against that, under any name', async () => {
    const header = '#Lockstep-Architecture: armhf\n#Lockstep-Suites: xenial\n#Lockstep-Packages: dash nginx-core\n';
    await writeFile(path.join(dir, 'Packages.lock'), header + packagesLock);
    const error = await refusal(readLockfile(await imageOf(yaml(', lockfile: Packages.lock'))), 'E_LOCK_STALE');
    expect(error.message).to.include('made with the package nginx-core');
  });

  it('belongs to one image, lies beside lockstep.yml, and is not inherited', async () => {
    const other = '  other: {arch: armhf, suites: [xenial], packages: [dash], lockfile: Packages.lock}\n';
    const twice = await refusal(imageOf(yaml(', lockfile: Packages.lock') + other), 'E_CONFIG_VALUE');
    expect(twice.message).to.include('lockstep.yml:3: "images.other.lockfile": Packages.lock is the lockfile of panel');
    await refusal(imageOf(yaml(', lockfile: ../Packages.lock')), 'E_CONFIG_VALUE');
    await imageOf(`${yaml(', lockfile: Packages.lock')}  debug: {extends: panel}\n`);
    expect((await loadConfig(dir)).images[1]!.lockfile).to.equal(path.join(dir, 'debug.lock'));
  });
});
