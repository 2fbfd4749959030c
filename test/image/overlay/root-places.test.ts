import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { ownedByRoot } from '../../../src/image/overlay/overlay-entry.ts';
import { placesIn } from '../../../src/image/overlay/root-places.ts';
import type { Toolbox } from '../../../src/toolbox/toolbox.ts';
import { refusal } from '../../refusal.ts';

/** Runs commands as they are: what is tested needs neither root nor namespaces. */
const here = {
  run: async ([program = '', ...args]: readonly string[], { input }: { input?: string } = {}) => {
    const { exitCode = 1, stdout, stderr } = await execa(program, args, { input, reject: false });
    return { exitCode, stdout, stderr };
  },
} as unknown as Toolbox;

describe('the places of an overlay in a root', () => {
  let root: string;
  const directory = (name: string) =>
    ownedByRoot({ name, kind: 'directory', mode: 0o755, size: 0, identity: '', label: name });
  const placeOf = async (name: string) => (await placesIn(here, root, [directory(name)]))(name, 'directory');

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'lockstep-root-'));
    await mkdir(path.join(root, 'usr/lib/ssl'), { recursive: true });
    await mkdir(path.join(root, 'etc/ssl/certs'), { recursive: true });
    await symlink('usr/lib', path.join(root, 'lib'));
    await symlink('/etc/ssl/certs', path.join(root, 'usr/lib/ssl/certs'));
    await symlink('../../../../../../tmp', path.join(root, 'usr/out'));
    await symlink('round', path.join(root, 'round'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('are their names where no link is on the way', async () => {
    expect(await placeOf('usr/share/new')).to.equal('usr/share/new');
  });

  it('are where links lead inside the root, never on this machine', async () => {
    expect(await placeOf('lib/systemd')).to.equal('usr/lib/systemd');
    expect(await placeOf('lib/ssl/certs')).to.equal('etc/ssl/certs');
    expect(await placeOf('usr/out/x')).to.equal('tmp/x');
  });

  it('are refused when links go round', async () => {
    expect((await refusal(placeOf('round/x'), 'E_OVERLAY')).message).to.contain('too many links');
  });
});
