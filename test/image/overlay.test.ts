import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import { LockstepError } from '../../src/errors/index.ts';
import { overlayDigest, packOverlay, readOverlays } from '../../src/image/overlay.ts';

describe('overlays', () => {
  let dir: string;
  const at = (...parts: string[]) => path.join(dir, ...parts);

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-overlay-'));
    await mkdir(at('base/etc/panel'), { recursive: true });
    await mkdir(at('debug/etc/panel'), { recursive: true });
    await writeFile(at('base/etc/panel/level'), 'quiet\n');
    await writeFile(at('base/etc/panel/start'), '#!/bin/sh\n', { mode: 0o700 });
    await symlink('level', at('base/etc/panel/link'));
    await writeFile(at('debug/etc/panel/level'), 'loud\n');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('are laid over each other, the last on top', async () => {
    const entries = await readOverlays([at('base'), at('debug')]);
    const level = entries.find(({ name }) => name === 'etc/panel/level');
    expect(level?.source).to.equal(at('debug/etc/panel/level'));
    expect(entries.map(({ name }) => name)).to.include.members(['etc/panel/start', 'etc/panel/link']);
  });

  it('have modes that depend on the executable bit alone, not on a umask', async () => {
    const before = overlayDigest(await readOverlays([at('base')]));
    await chmod(at('base/etc/panel/level'), 0o600);
    await chmod(at('base/etc/panel/start'), 0o755);
    await chmod(at('base/etc'), 0o700);
    expect(overlayDigest(await readOverlays([at('base')]))).to.equal(before);
    await chmod(at('base/etc/panel/level'), 0o755);
    expect(overlayDigest(await readOverlays([at('base')]))).to.not.equal(before);
  });

  it('have another digest when a file, a link or a name changes', async () => {
    const digest = async () => overlayDigest(await readOverlays([at('base')]));
    const seen = new Set([await digest()]);
    await writeFile(at('base/etc/panel/level'), 'louder\n');
    seen.add(await digest());
    await rm(at('base/etc/panel/link'));
    await symlink('start', at('base/etc/panel/link'));
    seen.add(await digest());
    await mkdir(at('base/empty'));
    seen.add(await digest());
    expect(seen.size).to.equal(4);
  });

  it('travel as a tar of root’s files', async () => {
    const members: Record<string, string> = {};
    for await (const entry of packOverlay(await readOverlays([at('base')])).pipe(extract())) {
      const { name, type, mode = 0, uid, gid, linkname } = entry.header;
      members[name] = `${type} ${mode.toString(8)} ${uid}:${gid} ${linkname ?? (await text(entry))}`;
    }
    expect(members['etc/panel']).to.equal('directory 755 0:0 ');
    expect(members['etc/panel/level']).to.equal('file 644 0:0 quiet\n');
    expect(members['etc/panel/start']).to.equal('file 755 0:0 #!/bin/sh\n');
    expect(members['etc/panel/link']).to.match(/^symlink 777 0:0 level$/);
  });

  it('that are missing are named', async () => {
    const error = await readOverlays([at('nowhere')]).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(LockstepError).with.property('code', 'E_OVERLAY');
    expect((error as LockstepError).message).to.contain(at('nowhere'));
  });

  it('hold files, directories and links, nothing else', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('base/socket'), resolve));
    const error = await readOverlays([at('base')]).then(
      () => null,
      (thrown: LockstepError) => thrown,
    );
    server.close();
    expect(error?.code).to.equal('E_OVERLAY');
    expect(error?.message).to.contain('base/socket');
  });
});
