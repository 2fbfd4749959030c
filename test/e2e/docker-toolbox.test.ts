import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { silent } from '../../src/progress/progress.ts';
import { builderImage } from '../../src/toolbox/docker/builder.ts';
import { findEngine } from '../../src/toolbox/docker/engine.ts';
import { projectDigest } from '../../src/toolbox/docker/mounts.ts';
import type { Toolbox } from '../../src/toolbox/toolbox.ts';
import { temporaryDirectory } from './projects.ts';
import { containersOf, eventually, openFor, processesWith } from './toolboxes.ts';

const docker = async (...args: string[]) => (await execa('docker', args)).stdout;

describe('the builder container', function () {
  this.timeout(15 * 60_000);
  let root: string;
  let toolbox: Toolbox;
  let container: string;

  before(async () => {
    root = await temporaryDirectory('container');
    await writeFile(path.join(root, 'given'), 'given');
    toolbox = await openFor(root, 'docker');
    container = (await containersOf(root))[0] ?? '';
  });

  after(() => toolbox?.close());

  it('is not privileged, and keeps the default seccomp filter', async () => {
    const inspected = JSON.parse(await docker('inspect', '--format', '{{json .HostConfig}}', container));
    expect(inspected).to.include({ Privileged: false, AutoRemove: true, Init: true });
    expect(inspected.CapDrop).to.deep.equal(['ALL']);
    expect(inspected.CapAdd).not.to.include.members(['ALL']);
    expect(inspected.SecurityOpt.join()).not.to.contain('seccomp');
    const { stdout } = await toolbox.run(['grep', 'Seccomp:', '/proc/self/status']);
    expect(stdout).to.match(/^Seccomp:\s+2$/m);
  });

  it('cannot write to the project beside .lockstep', async () => {
    const { exitCode, stderr } = await toolbox.run(['touch', path.join(root, 'given')], { check: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.contain('Read-only file system');
  });

  it('keeps setgid bits and file capabilities, which lesser privileges lose silently', async () => {
    const script = `cd "$1"; touch file; chown 0:5 file; chmod 2755 file; stat -c %a file
      cp /bin/true capable; setcap cap_net_raw+ep capable; getcap capable`;
    const { stdout } = await toolbox.run(['sh', '-euc', script, 'sh', path.join(root, '.lockstep')]);
    expect(stdout).to.equal('2755\ncapable cap_net_raw=ep\n');
  });

  it('has apt sources of its own for the release, its updates and its security suite', async () => {
    const script = 'apt-get -q update >/dev/null; apt-get indextargets --format "\\$(RELEASE)" "Created-By: Packages"';
    const { stdout } = await toolbox.run(['sh', '-euc', script]);
    const releases = stdout.trim().split('\n').sort();
    expect(releases).to.include.members([`${releases[0]}-security`, `${releases[0]}-updates`]);
  });

  it('has U-Boot, QEMU and the tools for disks', async () => {
    const script = `qemu-system-arm --version; mkfs.ext4 -V; sfdisk --version; gpgv --version
      test -s /usr/lib/u-boot/qemu_arm/u-boot.bin; test -s /usr/share/keyrings/debian-archive-keyring.gpg`;
    await toolbox.run(['sh', '-euc', script]);
  });

  it('is replaced when a crash left one of this project behind, and those of living agents stay', async () => {
    const labels = [`lockstep.project=${projectDigest(root)}`, 'lockstep.kind=lease'];
    const namespace = (await execa('readlink', ['/proc/self/ns/pid'])).stdout;
    const dead = (await execa('sh', ['-c', 'echo $$'])).stdout;
    labels.push(`lockstep.holder=${namespace} ${dead} 1`);
    const image = await docker('inspect', '--format', '{{.Config.Image}}', container);
    const create = ['create', '--pull', 'never', ...labels.flatMap((label) => ['--label', label]), image, 'cat'];
    const leftOver = await docker(...create);
    await (await openFor(root, 'docker')).close();
    const all = (await docker('ps', '--all', '--quiet', '--no-trunc')).split('\n');
    expect(all).to.include(container).and.not.to.include(leftOver);
  });
});

describe('the builder image', function () {
  this.timeout(15 * 60_000);

  /** A definition that nobody has made before, and that is made quickly. */
  const definition = () => `ARG BASE\nFROM \${BASE}\nLABEL lockstep.test=${randomBytes(8).toString('hex')}\n`;

  it('is made once by two agents that start together', async () => {
    const engine = await findEngine();
    const dockerfile = definition();
    const made: string[] = [];
    const progress = {
      ...silent,
      stage: () => ({ ...silent.stage(''), advance: (step: { detail?: string }) => void made.push(step.detail ?? '') }),
    };
    const signal = new AbortController().signal;
    const make = () => builderImage(engine, { signal, progress, dockerfile });
    const [first, second] = await Promise.all([make(), make()]);
    try {
      expect(first).to.equal(second);
      expect(await docker('image', 'inspect', '--format', '{{.Os}}', first)).to.equal('linux');
      expect(made.filter((detail) => detail === 'mmdebstrap')).to.have.length(1);
    } finally {
      await docker('rmi', first);
    }
  });

  it('is given up soon when the user interrupts, and leaves nothing running', async () => {
    const engine = await findEngine();
    const stop = new AbortController();
    // As this adapter starts it; other tests run mmdebstrap as well.
    const bootstraps = async () => (await processesWith('mmdebstrap --quiet --variant=apt')).length;
    const before = await bootstraps();
    const making = builderImage(engine, { signal: stop.signal, progress: silent, dockerfile: definition() });
    const outcome = making.then(() => undefined).catch((error) => error);
    expect(await eventually(async () => (await bootstraps()) > before)).to.equal(true);
    const fired = Date.now();
    stop.abort();
    expect((await outcome).code).to.equal('E_INTERRUPTED');
    expect(Date.now() - fired).to.be.lessThan(15_000);
    expect(await eventually(async () => (await bootstraps()) <= before, 15_000)).to.equal(true);
    const scratch = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('lockstep-bootstrap-'));
    expect(await eventually(async () => (await scratch()).length === 0), String(await scratch())).to.equal(true);
  });
});
