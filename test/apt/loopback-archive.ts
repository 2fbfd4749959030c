import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { ArchiveKeys, type SigningKey } from './archive-keys.ts';
import { debStanza, makeDeb, type SampleDeb } from './sample-deb.ts';
import { stanzaText } from './samples.ts';
import { type Answer, StaticServer } from './static-server.ts';

/** Texts of stanzas, whose debs nobody can download, or debs, which are made. */
export type Published = string | SampleDeb;

export interface Publication {
  /** What is in the component main. */
  packages?: readonly Published[];
  /** Contents by component, in place of `packages`. */
  components?: Record<string, readonly Published[]>;
  arch?: string;
  date?: Date;
  validUntil?: Date;
  /** Name of the key that signs: `archive` when not given; null: nobody does. */
  signer?: string | null;
  /** Signs with a key that the keyring does not hold. */
  stranger?: boolean;
  /** Archive that has the suite: the path of its base URL; `debian` when not given. */
  area?: string;
  /** Further fields of the Release file, or others in place of those it would have. */
  release?: Record<string, string>;
  /** Last-Modified of the indexes. */
  modified?: Date;
}

/**
 * Debian archives on 127.0.0.1, each under a path, that can be made to misbehave: debs by dpkg-deb, indexes by
 * apt-ftparchive, signatures by gpg.
 */
export class LoopbackArchive {
  /** Of the key `archive`. */
  readonly keyring: string;
  readonly #root: string;
  readonly #keys: ArchiveKeys;
  readonly #server: StaticServer;
  /** The last Last-Modified given by itself, in seconds. */
  #last = 0;
  readonly #stanzas = new Map<string, Promise<string>>();

  private constructor(root: string, keys: ArchiveKeys, server: StaticServer, keyring: string) {
    this.#root = root;
    this.#keys = keys;
    this.#server = server;
    this.keyring = keyring;
  }

  static async open(): Promise<LoopbackArchive> {
    const root = await mkdtemp(path.join(tmpdir(), 'lockstep-archive-'));
    const keys = await ArchiveKeys.open();
    const { keyring } = await keys.key('archive');
    return new LoopbackArchive(root, keys, await StaticServer.open(root), keyring);
  }

  /** Base URL of the area `debian`, as for `mirror:`. */
  get url(): string {
    return this.base('debian');
  }

  /** Base URL of an area, as for `mirror:` or the `url` of a source. */
  base(area: string): string {
    return `${this.#server.url}/${area}`;
  }

  /** What paths answer in place of what was published; a path is the whole one, `/debian/dists/…`. */
  get answers(): Map<string, Answer> {
    return this.#server.answers;
  }

  /** Where its files lie. */
  get directory(): string {
    return this.#root;
  }

  get server(): StaticServer {
    return this.#server;
  }

  key(name: string): Promise<SigningKey> {
    return this.#keys.key(name);
  }

  /** Publishes a suite, in place of what it was before. */
  async publish(suite: string, publication: Publication = {}): Promise<void> {
    const { packages = [stanzaText('base', '1', { Essential: 'yes' })], arch = 'armhf', area = 'debian' } = publication;
    const { components = { main: packages } } = publication;
    const dir = path.join(this.#root, area, 'dists', suite);
    await rm(dir, { recursive: true, force: true });
    for (const [component, contents] of Object.entries(components)) {
      const stanzas = await Promise.all(contents.map((each) => this.#stanza(area, component, each)));
      await mkdir(path.join(dir, component, `binary-${arch}`), { recursive: true });
      await writeFile(path.join(dir, component, `binary-${arch}`, 'Packages'), stanzas.map((s) => `${s}\n`).join(''));
    }
    const release = await releaseText(dir, suite, arch, Object.keys(components), publication);
    await this.#sign(dir, release, publication);
    await this.#stamp(dir, publication.modified);
  }

  /** The bytes of a published file, by its path on the server. */
  read(pathname: string): Promise<Buffer> {
    return readFile(path.join(this.#root, pathname));
  }

  /** Puts bytes in the place of a published file. */
  async write(pathname: string, content: string | Buffer): Promise<void> {
    await mkdir(path.dirname(path.join(this.#root, pathname)), { recursive: true });
    await writeFile(path.join(this.#root, pathname), content);
  }

  /** Sets the Last-Modified of a published file, as for the deb that a `Filename` names. */
  async touch(pathname: string, modified: Date): Promise<void> {
    await utimes(path.join(this.#root, pathname), modified, modified);
  }

  /** Takes a file or directory away, as when a deb has left the mirror. */
  async remove(pathname: string): Promise<void> {
    await rm(path.join(this.#root, pathname), { recursive: true, force: true });
  }

  /** Takes away all that was published, and answers with nothing else. */
  async clear(): Promise<void> {
    this.answers.clear();
    this.#stanzas.clear();
    await rm(this.#root, { recursive: true, force: true });
    await mkdir(this.#root);
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#keys.close();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** HTTP tells times in seconds: what is published twice in one would look unchanged. */
  async #stamp(dir: string, modified?: Date): Promise<void> {
    if (modified === undefined) this.#last = Math.max(Math.floor(Date.now() / 1000), this.#last + 1);
    const seconds = modified === undefined ? this.#last : modified.getTime() / 1000;
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    await Promise.all(files.map(({ parentPath, name }) => utimes(path.join(parentPath, name), seconds, seconds)));
  }

  /** A deb that was made once is not made again: the same description means the same bytes. */
  #stanza(area: string, component: string, published: Published): Promise<string> {
    if (typeof published === 'string') return Promise.resolve(published);
    const key = JSON.stringify([area, component, published]);
    const base = path.join(this.#root, area);
    const made = this.#stanzas.get(key) ?? makeDeb(base, component, published).then((file) => debStanza(base, file));
    this.#stanzas.set(key, made);
    return made;
  }

  async #sign(dir: string, release: string, { signer = 'archive', stranger = false }: Publication): Promise<void> {
    await writeFile(path.join(dir, 'Release'), release);
    const name = stranger ? 'stranger' : signer;
    if (name === null) return;
    await writeFile(path.join(dir, 'InRelease'), await this.#keys.clearsign(name, release));
    await writeFile(path.join(dir, 'Release.gpg'), await this.#keys.detach(name, release));
  }
}

/** Options of apt-ftparchive's configuration for the Release file; it sets a Valid-Until from now on only. */
async function releaseText(
  dir: string,
  suite: string,
  arch: string,
  components: string[],
  { date = new Date(Date.now() - 3600_000), validUntil, release = {} }: Publication,
): Promise<string> {
  const fields = {
    Origin: 'Loopback',
    Label: 'Loopback',
    Suite: suite,
    Codename: suite,
    Date: date.toUTCString().replace('GMT', 'UTC'),
    Architectures: arch,
    Components: components.join(' '),
    ...release,
  };
  const options = Object.entries(fields).flatMap(([name, value]) => [
    '-o',
    `APT::FTPArchive::Release::${name}=${value}`,
  ]);
  const digests = ['MD5', 'SHA1', 'SHA512'].flatMap((name) => ['-o', `APT::FTPArchive::${name}=false`]);
  const { stdout } = await execa('apt-ftparchive', [...options, ...digests, 'release', '.'], { cwd: dir });
  const expiry = validUntil === undefined ? '' : `Valid-Until: ${validUntil.toUTCString().replace('GMT', 'UTC')}\n`;
  return `${expiry}${stdout}\n`;
}
