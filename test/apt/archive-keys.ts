import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/** OpenPGP keys of a test, each under a name, in a directory of their own. */
export class ArchiveKeys {
  readonly #home: string;
  readonly #made = new Map<string, Promise<SigningKey>>();

  private constructor(home: string) {
    this.#home = home;
  }

  static async open(): Promise<ArchiveKeys> {
    const home = await mkdtemp(path.join(tmpdir(), 'lockstep-keys-'));
    // apt reads the keyrings as another user.
    await chmod(home, 0o711);
    return new ArchiveKeys(home);
  }

  /** The key of this name; made when it is asked for the first time. */
  key(name: string): Promise<SigningKey> {
    const key = this.#made.get(name) ?? this.#make(name);
    this.#made.set(name, key);
    return key;
  }

  /** The text with a signature around it, as in an InRelease file. */
  clearsign(name: string, text: string): Promise<string> {
    return this.#sign(['--clearsign'], name, text);
  }

  /** A signature by itself, armored, as in Release.gpg. */
  detach(name: string, text: string): Promise<string> {
    return this.#sign(['--armor', '--detach-sign'], name, text);
  }

  async close(): Promise<void> {
    await execa('gpgconf', ['--homedir', this.#home, '--kill', 'gpg-agent'], { reject: false });
    await rm(this.#home, { recursive: true, force: true });
  }

  async #sign(how: string[], name: string, text: string): Promise<string> {
    const { fingerprint } = await this.key(name);
    return this.#gpg([...how, '--local-user', fingerprint], text);
  }

  async #make(name: string): Promise<SigningKey> {
    const id = `${name}@example.org`;
    await this.#gpg(['--passphrase', '', '--quick-generate-key', `${name} <${id}>`, 'ed25519', 'sign', '1d']);
    const keyring = path.join(this.#home, `${name}.gpg`);
    const armored = path.join(this.#home, `${name}.asc`);
    await this.#gpg(['--output', keyring, '--export', id]);
    await this.#gpg(['--armor', '--output', armored, '--export', id]);
    for (const file of [keyring, armored]) await chmod(file, 0o644);
    const listed = await this.#gpg(['--with-colons', '--list-keys', id]);
    return { keyring, armored, fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(listed)![1]! };
  }

  async #gpg(args: string[], input = ''): Promise<string> {
    const argv = ['--homedir', this.#home, '--batch', '--quiet', '--yes', ...args];
    return (await execa('gpg', argv, { input, stripFinalNewline: false })).stdout;
  }
}

export interface SigningKey {
  /** Files with the public key, readable by everybody: binary, and ASCII armored. */
  keyring: string;
  armored: string;
  fingerprint: string;
}
