import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import { readFiles } from '../../../src/image/overlay/overlay.ts';
import { entriesDigest } from '../../../src/image/overlay/overlay-entry.ts';
import { packEntries } from '../../../src/image/overlay/overlay-extraction.ts';
import { placesFrom } from '../../../src/image/overlay/root-places.ts';
import { refusal } from '../../refusal.ts';

describe('an overlay directory', () => {
  let dir: string;
  const at = (...parts: string[]) => path.join(dir, ...parts);
  const read = (manifest: string | null = null) => readFiles({ path: at('base'), manifest });

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-overlay-'));
    await mkdir(at('base/etc/panel'), { recursive: true });
    await writeFile(at('base/etc/panel/level'), 'quiet\n');
    await writeFile(at('base/etc/panel/start'), '#!/bin/sh\n', { mode: 0o700 });
    await symlink('level', at('base/etc/panel/link'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** What `tar` would lay out: `type mode owner text`. */
  async function packed(manifest: string | null = null, moved = new Map<string, string>()) {
    const members: Record<string, string> = {};
    const identities = { users: new Map([['panel', 995]]), groups: new Map([['video', 44]]) };
    for await (const entry of packEntries(await read(manifest), placesFrom(moved), identities).pipe(extract())) {
      const { name, type, mode = 0, uid, gid, linkname } = entry.header;
      members[name] = `${type} ${mode.toString(8)} ${uid}:${gid} ${linkname ?? (await text(entry))}`;
    }
    return members;
  }

  it('has modes that depend on the executable bit alone, not on a umask', async () => {
    const digest = async () => entriesDigest((await read()).entries);
    const before = await digest();
    await chmod(at('base/etc/panel/level'), 0o600);
    await chmod(at('base/etc/panel/start'), 0o755);
    await chmod(at('base/etc'), 0o700);
    expect(await digest()).to.equal(before);
    await chmod(at('base/etc/panel/level'), 0o755);
    expect(await digest()).to.not.equal(before);
  });

  it('has another digest when a file, a link or a name changes', async () => {
    const digest = async () => entriesDigest((await read()).entries);
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

  it('travels as a tar of root’s files', async () => {
    const members = await packed();
    expect(members['etc/panel']).to.equal('directory 755 0:0 ');
    expect(members['etc/panel/level']).to.equal('file 644 0:0 quiet\n');
    expect(members['etc/panel/start']).to.equal('file 755 0:0 #!/bin/sh\n');
    expect(members['etc/panel/link']).to.match(/^symlink 777 0:0 level$/);
  });

  it('goes where the root’s links lead', async () => {
    const members = await packed(null, new Map([['etc/panel', 'usr/lib/panel']]));
    expect(members).to.have.all.keys(
      'etc',
      'usr/lib/panel',
      ...['level', 'start', 'link'].map((n) => `usr/lib/panel/${n}`),
    );
  });

  it('takes owners and modes from a manifest', async () => {
    await writeFile(
      at('m'),
      './etc/panel/level uname=panel gname=video mode=0640\n./etc/panel type=dir uid=12 mode=2750\n',
    );
    const before = entriesDigest((await read()).entries);
    expect(entriesDigest((await read(at('m'))).entries)).to.not.equal(before);
    const members = await packed(at('m'));
    expect(members['etc/panel/level']).to.equal('file 640 995:44 quiet\n');
    expect(members['etc/panel']).to.equal('directory 2750 12:0 ');
    expect((await read(at('m'))).entries.filter(({ enforced }) => enforced).map(({ name }) => name)).to.deep.equal([
      'etc/panel',
    ]);
  });

  it('is refused when its manifest names what is not there, or another kind', async () => {
    await writeFile(at('m'), '# owners\n./etc/panle uid=1\n');
    expect((await refusal(read(at('m')), 'E_OVERLAY')).message).to.contain('m:2: the overlay has no etc/panle');
    await writeFile(at('m'), './etc/panel type=file uid=1\n');
    expect((await refusal(read(at('m')), 'E_OVERLAY')).message).to.contain('m:1: etc/panel is a dir');
  });

  it('is refused when it wants a user that the image does not have', async () => {
    await writeFile(at('m'), './etc/panel/level uname=nobdy\n');
    const error = await refusal(packed(at('m')), 'E_OVERLAY');
    expect(error.message).to.contain('base/etc/panel/level').and.to.contain('user nobdy');
  });

  it('is named when it is missing', async () => {
    const error = await refusal(readFiles({ path: at('nowhere'), manifest: null }), 'E_OVERLAY');
    expect(error.message).to.contain(at('nowhere'));
  });

  it('holds files, directories and links, nothing else', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('base/socket'), resolve));
    const error = await refusal(read(), 'E_OVERLAY').finally(() => server.close());
    expect(error.message).to.contain('base/socket');
  });
});
