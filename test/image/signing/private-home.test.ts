import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { openPrivateHome } from '../../../src/image/signing/private-home.ts';
import { temporaryDirectory } from '../../deb/debs.ts';
import { type MadeKey, makeKey } from '../gpg-keys.ts';
import { agentsIn } from './agents.ts';

describe('the home that gpg has for a run', function () {
  this.timeout(60_000);
  let runtime: string;
  let key: MadeKey;

  before(async () => {
    [runtime, key] = await Promise.all([temporaryDirectory(), makeKey()]);
  });

  it('lets nobody but its user in, and is taken away when the run is killed', async () => {
    const script = `
      import { openPrivateHome } from ${JSON.stringify(path.resolve('src/image/signing/private-home.ts'))};
      const home = await openPrivateHome(process.env);
      process.stdout.write(home.path);
      setInterval(() => {}, 1000);`;
    const child = spawn('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
      env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    });
    const [said] = await once(child.stdout, 'data');
    const home = String(said);
    expect(home.startsWith(runtime)).to.equal(true);
    expect((await stat(home)).mode & 0o777).to.equal(0o700);
    await execa('gpg', ['--homedir', home, '--batch', '--import', key.secretFile]);
    child.kill('SIGKILL');
    for (const deadline = Date.now() + 5000; Date.now() < deadline && (await readdir(runtime)).length > 0; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await readdir(runtime)).to.deep.equal([]);
    expect(await agentsIn(runtime)).to.equal('');
  });

  it('lies where its path leaves room for a socket', async () => {
    const home = await openPrivateHome({ XDG_RUNTIME_DIR: `/${'long/'.repeat(40)}` });
    expect(home.path).to.match(/^\/.{1,80}$/);
    await home.close();
    await home.close();
  });
});
