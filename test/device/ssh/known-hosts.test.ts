import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { hostKeyAlgorithms, hostKeyError, isTrusted, type Trust } from '../../../src/device/ssh/host-key.ts';
import { newKeyPair } from '../../../src/device/ssh/key-pair.ts';
import { knownKeys } from '../../../src/device/ssh/known-hosts.ts';

const run = promisify(execFile);

function newKey() {
  const [type = '', text = ''] = newKeyPair().public.split(' ');
  return { line: `${type} ${text}`, blob: Buffer.from(text, 'base64') };
}

describe('known_hosts', () => {
  const [own, other] = [newKey(), newKey()];
  let dir: string;
  let file: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'lockstep-known-'));
    file = path.join(dir, 'known_hosts');
  });
  after(() => rm(dir, { recursive: true }));

  async function keysIn(text: string, host = 'panel-7.lab', port = 22, alias: string | null = null) {
    await writeFile(file, text);
    return knownKeys({ host, port, alias }, [file]);
  }

  it('is searched by name, whatever its case, in lists and by patterns', async () => {
    expect(await keysIn(`other,Panel-7.LAB ${own.line}\n`)).to.have.length(1);
    expect(await keysIn(`panel-?.* ${own.line} a comment\n`)).to.have.length(1);
    expect(await keysIn(`*.lab,!panel-7.lab ${own.line}\n`)).to.have.length(0);
    expect(await keysIn(`panel-7xlab ${own.line}\n# panel-7.lab ${own.line}\n\n`)).to.have.length(0);
  });

  it('tells where a line is', async () => {
    expect((await keysIn(`# first\npanel-7.lab ${own.line}\n`))[0]).to.include({ place: `${file}:2`, marker: null });
  });

  it('holds names that ssh-keygen hashed', async () => {
    await writeFile(file, `panel-7.lab ${own.line}\n[panel-7.lab]:2222 ${other.line}\n`);
    await run('ssh-keygen', ['-H', '-f', file]);
    const found = (port: number) => knownKeys({ host: 'panel-7.lab', port, alias: null }, [file]);
    expect((await found(22)).map(({ key }) => key)).to.deep.equal([own.blob]);
    expect((await found(2222)).map(({ key }) => key)).to.deep.equal([other.blob]);
    expect(await knownKeys({ host: 'panel-8.lab', port: 22, alias: null }, [file])).to.have.length(0);
  });

  it('knows a host by another port only where it knows nothing of this one', async () => {
    const both = `panel-7.lab ${own.line}\n[panel-7.lab]:2222 ${other.line}\n`;
    expect((await keysIn(both, 'panel-7.lab', 2222)).map(({ key }) => key)).to.deep.equal([other.blob]);
    expect((await keysIn(both, 'panel-7.lab', 2223)).map(({ key }) => key)).to.deep.equal([own.blob]);
    expect((await keysIn(`[panel-7.lab]:2222 ${other.line}\n`)).length).to.equal(0);
  });

  it('is searched by the alias alone where there is one', async () => {
    expect(await keysIn(`bench ${own.line}\n`, '127.0.0.1', 2222, 'bench')).to.have.length(1);
    expect(await keysIn(`127.0.0.1 ${own.line}\n`, '127.0.0.1', 22, 'bench')).to.have.length(0);
  });

  it('may be missing', async () => {
    const none = await knownKeys({ host: 'panel-7.lab', port: 22, alias: null }, [path.join(dir, 'none')]);
    expect(none).to.deep.equal([]);
  });

  describe('and a host key', () => {
    const trusting = async (text: string): Promise<Trust> => {
      return { pinned: null, known: await keysIn(text), files: [file] };
    };
    const complaint = (trust: Trust) => hostKeyError('device bench-1', own.blob, trust);

    it('that is in it is taken', async () => {
      expect(isTrusted(own.blob, await trusting(`panel-7.lab ${own.line}\n`))).to.equal(true);
    });

    it('that is not in it is refused with its fingerprint and what to do', async () => {
      const trust = await trusting('');
      expect(isTrusted(own.blob, trust)).to.equal(false);
      const error = complaint(trust);
      expect(error.code).to.equal('E_SSH_HOST_KEY_UNKNOWN');
      expect(error.message)
        .to.match(/SHA256:[A-Za-z0-9+/]{43};/)
        .and.include(file);
      expect(error.hint).to.match(/ssh-keygen -lf .*hostKey: "SHA256:/);
    });

    it('that is another one is refused with the line that says so', async () => {
      const trust = await trusting(`panel-7.lab ${other.line}\n`);
      expect(isTrusted(own.blob, trust)).to.equal(false);
      expect(complaint(trust)).to.include({ code: 'E_SSH_HOST_KEY' });
      expect(complaint(trust).message).to.include(`${file}:1`);
    });

    it('that is revoked is refused, even if another line takes it', async () => {
      const trust = await trusting(`panel-7.lab ${own.line}\n@revoked * ${own.line}\n`);
      expect(isTrusted(own.blob, trust)).to.equal(false);
      expect(complaint(trust).code).to.equal('E_SSH_HOST_KEY');
      expect(complaint(trust).message).to.include(`${file}:2 revokes`);
    });

    it('of a certificate authority is no host key, and the refusal says that certificates are not taken', async () => {
      const trust = await trusting(`@cert-authority *.lab ${own.line}\n`);
      expect(isTrusted(own.blob, trust)).to.equal(false);
      expect(complaint(trust).code).to.equal('E_SSH_HOST_KEY_UNKNOWN');
      expect(complaint(trust).message).to.include('certificate authority').and.include(`${file}:1`);
    });

    it('is asked for in the kind that is known', async () => {
      const trust = await trusting('panel-7.lab ssh-rsa AAAA\n');
      expect(hostKeyAlgorithms(trust).slice(0, 4)).to.deep.equal([
        'rsa-sha2-512',
        'rsa-sha2-256',
        'ssh-rsa',
        'ssh-ed25519',
      ]);
      expect(hostKeyAlgorithms({ pinned: 'SHA256:x', known: [], files: [] })[0]).to.equal('ssh-ed25519');
    });
  });
});
