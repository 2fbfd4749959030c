import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { bundleAgent, committedAgent } from '../script/bundle/bundle.ts';

const exec = promisify(execFile);

describe('the bundle of the agent', function () {
  this.timeout(30_000);
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-bundle-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is what the sources build, byte by byte: else run `npm run bundle` and commit', async () => {
    const built = path.join(dir, 'agent.mjs');
    const { warnings } = await bundleAgent(built);
    expect(warnings).to.deep.equal([]);
    const isSame = (await readFile(built)).equals(await readFile(committedAgent));
    expect(isSame, 'resources/lockstep/agent.mjs is out of date').to.equal(true);
  });

  it('holds no path of the machine that built it', async () => {
    expect(await readFile(committedAgent, 'utf8')).not.to.contain(path.resolve(import.meta.dirname, '..'));
  });

  describe('alone in a directory, with nothing installed', () => {
    let agent: string;
    const environment = () => ({ PATH: process.env.PATH, HOME: path.join(dir, 'home') });

    beforeEach(async () => {
      agent = path.join(dir, 'agent.mjs');
      await copyFile(committedAgent, agent);
    });

    it('explains an error code', async () => {
      const { stdout } = await exec(process.execPath, [agent, 'explain', 'E_USAGE'], { cwd: dir, env: environment() });
      expect(stdout).to.match(/command line is wrong/);
    });

    it('prints one JSON object for a failure, and exits with its code', async () => {
      const run = exec(process.execPath, [agent, 'build', '--json'], { cwd: dir, env: environment() });
      const failure = await run.then(
        () => null,
        (error: { code: number; stdout: string }) => error,
      );
      expect(failure?.code).to.equal(2);
      expect(JSON.parse(failure?.stdout ?? '')).to.include({ outcome: 'failed', code: 'E_CONFIG_MISSING' });
    });
  });

  it('downloads, though most of the HTTP client is left out', async () => {
    const probe = path.join(dir, 'probe.mjs');
    await bundleAgent(probe, 'test/bundle/fetch.ts');
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/deb' }).end();
      else response.end('bytes of a deb');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/moved`;
    try {
      const { stdout } = await exec(process.execPath, [probe, url], { cwd: dir, env: { PATH: process.env.PATH } });
      expect(stdout).to.equal('bytes of a deb');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  describe('reads xz by the addon inside it', () => {
    const text = 'lockstep '.repeat(10_000);
    let probe: string;
    let home: string;

    // The agent's verbs read xz only inside of a build: the same loader, bundled around nothing but the decoder.
    beforeEach(async () => {
      probe = path.join(dir, 'probe.mjs');
      home = path.join(dir, 'home');
      await mkdir(home);
      await bundleAgent(probe, 'test/bundle/decompress.ts');
    });

    async function decompress(environment: NodeJS.ProcessEnv = {}): Promise<string> {
      const xz = spawn('xz', ['--stdout'], { stdio: ['pipe', 'pipe', 'inherit'] });
      xz.stdin.end(text);
      const env = { PATH: process.env.PATH, HOME: home, TMPDIR: dir, ...environment };
      const child = spawn(process.execPath, [probe], { cwd: dir, env, stdio: ['pipe', 'pipe', 'inherit'] });
      xz.stdout.pipe(child.stdin);
      const chunks: Buffer[] = [];
      for await (const chunk of child.stdout) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    }

    const placed = async (directory: string) => {
      const files = await readdir(directory);
      expect(files).to.have.length(1);
      return path.join(directory, files[0] ?? '');
    };

    it('and keeps it for the user alone', async () => {
      expect(await decompress()).to.equal(text);
      const file = await placed(path.join(home, '.cache/lockstep'));
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).to.equal(0o700);
    });

    it('and replaces one that is damaged', async () => {
      await decompress();
      const file = await placed(path.join(home, '.cache/lockstep'));
      await writeFile(file, 'not an addon');
      expect(await decompress()).to.equal(text);
      expect((await stat(file)).size).to.be.above(100_000);
    });

    it('and trusts no directory that others may write to, but takes the next', async () => {
      const shared = path.join(home, '.cache/lockstep');
      await mkdir(shared, { recursive: true });
      await chmod(shared, 0o777);
      expect(await decompress()).to.equal(text);
      expect(await readdir(shared)).to.deep.equal([]);
      await placed(path.join(dir, `lockstep-${process.getuid?.()}`));
    });

    it('and needs no home directory', async () => {
      expect(await decompress({ HOME: '/dev/null' })).to.equal(text);
    });
  });
});
