import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { refusal } from '../refusal.ts';
import { sshBench } from './ssh-bench.ts';

describe('a device behind jump hosts', function () {
  this.timeout(60_000);
  const bench = sshBench();

  const sshProcesses = async () => {
    const { stdout } = await execa('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.startsWith('ssh ') && line.includes(bench.home));
  };

  it('is reached through one, for commands, for forwarded ports and much data', async () => {
    await bench.configure('ProxyJump gate');
    await Promise.all([bench.device, bench.gate].map((sshd) => bench.know(sshd)));
    const session = await bench.open();
    const megabytes = Buffer.alloc(8_000_000, 'x');
    const server = createServer((_request, response) => response.end(megabytes));
    const forward = await session.forward(server);
    const answer = await fetch(`http://127.0.0.1:${forward.port}/`).then((response) => response.arrayBuffer());
    expect(answer.byteLength).to.equal(megabytes.length);
    forward.close();
    expect(await sshProcesses()).to.have.length(1);
    expect(await bench.userOf(session)).to.equal('0');
    expect(await bench.gate.log()).to.include('Accepted publickey for root');
    expect(await sshProcesses()).to.deep.equal([]);
  });

  it('is reached through two that lockstep.yml names, whatever the client would do', async () => {
    await bench.configure('ProxyJump nowhere.invalid');
    await Promise.all([bench.device, bench.gate, bench.inner].map((sshd) => bench.know(sshd)));
    const before = await bench.inner.log();
    expect(await bench.userOf(await bench.open({ proxyJump: 'gate,inner' }))).to.equal('0');
    expect((await bench.inner.log()).slice(before.length)).to.include('Accepted publickey for root');
    expect(await sshProcesses()).to.deep.equal([]);
  });

  it('is not reached through one whose key nobody knows', async () => {
    await bench.configure('ProxyJump gate,inner\n StrictHostKeyChecking no');
    await Promise.all([bench.device, bench.inner].map((sshd) => bench.know(sshd)));
    const before = await readFile(bench.knownHosts, 'utf8');
    const error = await refusal(bench.open(), 'E_SSH_HOST_KEY_UNKNOWN');
    expect(error.message).to.include('on the way there').and.include('Host key verification failed');
    expect(await readFile(bench.knownHosts, 'utf8')).to.equal(before);
    expect(await sshProcesses()).to.deep.equal([]);
  });

  it('is not reached through one that takes no key, or that is not there', async () => {
    await bench.configure('ProxyJump gate');
    await Promise.all([bench.device, bench.gate].map((sshd) => bench.know(sshd)));
    await writeFile(
      bench.config,
      (await readFile(bench.config, 'utf8')).replace(bench.gate.identity, bench.inner.identity),
    );
    expect((await refusal(bench.open(), 'E_SSH_AUTH')).message)
      .to.include('on the way there')
      .and.include('Permission denied');
    await bench.configure('ProxyJump 127.0.0.1:9');
    expect((await refusal(bench.open(), 'E_SSH_UNREACHABLE')).message).to.include('Connection refused');
  });

  it('is reached by a command of the client’s configuration', async () => {
    await mkdir(path.join(bench.home, 'bin'), { recursive: true });
    const relay = path.join(bench.home, 'bin/relay.mjs');
    await writeFile(
      relay,
      `import net from 'node:net';
const socket = net.connect(Number(process.argv[3]), process.argv[2]);
process.stdin.pipe(socket).pipe(process.stdout);\n`,
    );
    await bench.configure(`ProxyCommand ${process.execPath} ${relay} %h %p`);
    await bench.know(bench.device);
    expect(await bench.userOf(await bench.open())).to.equal('0');
  });
});
