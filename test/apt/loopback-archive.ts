import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { stanzaText } from './samples.ts';

export interface Publication {
  /** Texts of stanzas. */
  packages?: string[];
  arch?: string;
  date?: Date;
  validUntil?: Date;
  /** Signs with the key that the keyring does not hold. */
  stranger?: boolean;
  /** Archive that has the suite: the path of the base URL. */
  area?: 'debian' | 'debian-security';
}

/** A Debian archive on 127.0.0.1, signed by a key of its own, that can be made to misbehave. Serves indexes only. */
export class LoopbackArchive {
  readonly keyring: string;
  /** What each path answers: contents, or a status code. Everything else is 404. */
  readonly answers = new Map<string, Buffer | number>();
  readonly #home: string;
  readonly #server: Server;

  private constructor(home: string, server: Server) {
    this.#home = home;
    this.#server = server;
    this.keyring = path.join(home, 'archive.gpg');
  }

  static async open(): Promise<LoopbackArchive> {
    const home = await mkdtemp(path.join(tmpdir(), 'lockstep-archive-'));
    const server = createServer();
    const archive = new LoopbackArchive(home, server);
    server.on('request', (request, response) => {
      const answer = archive.answers.get(new URL(request.url ?? '/', 'http://127.0.0.1').pathname) ?? 404;
      response.statusCode = typeof answer === 'number' ? answer : 200;
      response.end(typeof answer === 'number' ? undefined : answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    for (const name of ['archive', 'stranger']) {
      await archive.#gpg([
        '--passphrase',
        '',
        '--quick-generate-key',
        `${name} <${name}@example.org>`,
        'ed25519',
        'sign',
        '1d',
      ]);
    }
    // apt reads the keyring as another user.
    await archive.#gpg(['--output', archive.keyring, '--export', 'archive@example.org']);
    await chmod(archive.keyring, 0o644);
    await chmod(home, 0o711);
    return archive;
  }

  /** Base URL, as for `mirror:`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/debian`;
  }

  /** Publishes a suite, in place of what it was before. */
  async publish(
    suite: string,
    { packages = [stanzaText('base', '1', { Essential: 'yes' })], ...options }: Publication = {},
  ) {
    const { arch = 'armhf', area = 'debian', date = new Date(Date.now() - 3600_000) } = options;
    const index = Buffer.from(packages.map((stanza) => `${stanza}\n`).join(''));
    const name = `main/binary-${arch}/Packages`;
    const digest = createHash('sha256').update(index).digest('hex');
    const release = [
      `Origin: Loopback\nLabel: Loopback\nSuite: ${suite}\nCodename: ${suite}\nDate: ${date.toUTCString()}`,
      ...(options.validUntil === undefined ? [] : [`Valid-Until: ${options.validUntil.toUTCString()}`]),
      `Architectures: ${arch}\nComponents: main\nSHA256:\n ${digest} ${index.length} ${name}\n`,
    ].join('\n');
    const signer = options.stranger === true ? 'stranger@example.org' : 'archive@example.org';
    const signed = await this.#gpg(['--clearsign', '--local-user', signer], release);
    this.answers.set(`/${area}/dists/${suite}/InRelease`, Buffer.from(signed));
    this.answers.set(`/${area}/dists/${suite}/${name}`, index);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await execa('gpgconf', ['--homedir', this.#home, '--kill', 'gpg-agent'], { reject: false });
    await rm(this.#home, { recursive: true, force: true });
  }

  async #gpg(args: string[], input = ''): Promise<string> {
    const { stdout } = await execa('gpg', ['--homedir', this.#home, '--batch', '--quiet', '--yes', ...args], {
      input,
      stripFinalNewline: false,
    });
    return stdout;
  }
}
