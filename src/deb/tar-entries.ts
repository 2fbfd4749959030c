import { type Extract, extract, type Header } from 'tar-stream';

/** A member of a tar. Names hold one character for each byte (latin1), so that no byte is lost. */
export interface TarEntry {
  header: Header;
  /** Must be read to its end, or `resume`d, before the next entry comes. */
  body: AsyncIterable<Buffer> & { resume(): unknown };
}

/** The members of a tar in their order, as the stream brings them. Errors of the source end the iteration as they are. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, void> {
  // The types lack allowUnknownFormat: headers older than POSIX are known by their checksum alone, and dpkg reads them.
  const options = { filenameEncoding: 'latin1', allowUnknownFormat: true } as Parameters<typeof extract>[0];
  const tar = extract(options);
  const fed = feed(tar, source);
  try {
    for await (const entry of tar) yield { header: entry.header, body: entry as AsyncIterable<Buffer> & typeof entry };
  } finally {
    tar.destroy();
    // Whoever reads the source next must be alone with it.
    await fed;
  }
}

async function feed(tar: Extract, source: AsyncIterable<Buffer>): Promise<void> {
  let open = true;
  const closed = new Promise<void>((resolve) => {
    tar.once('close', () => {
      open = false;
      resolve();
    });
  });
  try {
    for await (const chunk of source) {
      if (!tar.write(chunk)) await Promise.race([closed, drained(tar)]);
      if (!open) return;
    }
    tar.end(undefined);
  } catch (error) {
    tar.destroy(error as Error);
  }
}

function drained(tar: Extract): Promise<void> {
  return new Promise((resolve) => tar.once('drain', () => resolve()));
}
