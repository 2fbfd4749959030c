import { parseChangelog } from '../../src/apt/changes/changelog.ts';
import { entriesBetween } from '../../src/apt/changes/changelog-range.ts';
import { codeBlock } from '../../src/apt/changes/harmless.ts';
import { entryLines } from '../../src/apt/changes/phrases.ts';
import { referencesOf } from '../../src/apt/changes/references.ts';
import { parseRelations, relationFields } from '../../src/apt/choose/relations.ts';
import { Deb822Error, parseStanzas } from '../../src/apt/deb822.ts';
import { provides } from '../../src/apt/lockfile/locked-package.ts';
import { formatLockfile, parseLockfile } from '../../src/apt/lockfile/lockfile.ts';
import { formatProvenance, parseProvenance } from '../../src/apt/provenance/provenance-file.ts';
import { compareVersions } from '../../src/apt/version.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ArError, readAr } from '../../src/deb/ar.ts';
import { controlFields, readControl } from '../../src/deb/control.ts';
import { DataTree } from '../../src/deb/data-tree.ts';
import { asBadFormat, openDeb } from '../../src/deb/open.ts';
import type { LockedDeb } from '../../src/deb/package.ts';
import { TarError } from '../../src/deb/tar-header.ts';
import { LockstepError } from '../../src/errors/index.ts';
import { parseAptSources } from '../../src/peers/apt-sources.ts';
import { draftOfMultistrap } from '../../src/peers/multistrap.ts';
import { parseMultistrap } from '../../src/peers/multistrap-file.ts';
import { draftOfList } from '../../src/peers/package-list.ts';
import { MemorySink } from '../deb/memory-sink.ts';
import { mendTar } from './mend-tar.ts';
import type { FuzzedReader } from './reader.ts';

const deb: LockedDeb = {
  package: 'sample',
  version: '1.0',
  architecture: 'armhf',
  filename: 'pool/sample.deb',
  size: 1,
  sha256: '0'.repeat(64),
};

/** By the names that the tests feed them by. */
export const readers: Readonly<Record<string, FuzzedReader>> = {
  deb822: { read: (input) => readStanzas(input.toString()), complaint: unlessLine },
  relations: { read: (input) => readRelations(input.toString()), complaint: never },
  changelog: { read: (input) => readChangelog(input.toString()), complaint: never },
  lockfile: {
    read: (input) => readLock(input.toString()),
    complaint: unlessPlace(/^fuzzed\.lock:(\d+): ./, 'E_LOCK_SYNTAX'),
  },
  'lockstep.yml': {
    read: (input) => parseConfig('/project/lockstep.yml', input.toString()),
    complaint: unlessPlace(/^lockstep\.yml:(\d+): ./, 'E_CONFIG_SYNTAX', 'E_CONFIG_KEY', 'E_CONFIG_VALUE'),
  },
  provenance: {
    read: (input) => readProvenance(input.toString()),
    complaint: unlessPlace(/^fuzzed\.provenance:(\d+): ./, 'E_PROVENANCE_SYNTAX'),
  },
  'multistrap.conf': {
    read: (input) => draftOfMultistrap(parseMultistrap(input.toString(), 'm.conf'), 'm.conf', 'armhf'),
    complaint: unlessUsage,
  },
  'package list': {
    read: (input) => draftOfList(input.toString(), 'list', { arch: 'armhf', suites: ['bookworm'] }),
    complaint: never,
  },
  'apt sources': { read: readSources, complaint: never },
  ar: { read: readMembers, complaint: (error) => (error instanceof ArError ? null : 'not an ArError') },
  'control.tar': { mend: mendTar, read: readControlTar, complaint: unlessFormat },
  'data.tar': { mend: mendTar, read: readDataTar, complaint: unlessFormat },
  deb: { read: readDeb, complaint: unlessFormat },
};

function readSources(input: Buffer): void {
  for (const file of ['sources.list', 'debian.sources']) parseAptSources(input.toString(), file);
}

/** What was read can be written, and is the same then. */
function readProvenance(text: string): void {
  const written = formatProvenance(parseProvenance(text, 'fuzzed.provenance'));
  if (formatProvenance(parseProvenance(written, 'written.provenance')) !== written) throw new Error('it is another');
}

function readStanzas(text: string): void {
  const stanzas = parseStanzas(text);
  const lines = text.split('\n');
  for (const { raw, line } of stanzas) {
    if (!text.includes(raw)) throw new Error('a stanza is not what was read');
    if (!raw.startsWith(lines[line - 1] ?? '?')) throw new Error(`a stanza does not begin in line ${line}`);
  }
}

function readRelations(text: string): void {
  for (const choice of parseRelations(text)) {
    for (const { version } of choice) if (version !== null) compareVersions(version.version, '1:2.36-9+deb12u10');
  }
}

function readChangelog(text: string): void {
  const { entries, problems } = parseChangelog(text);
  const lines = text.split('\n').length;
  const wrong = problems.find(({ line }) => line < 1 || line > lines);
  if (wrong !== undefined) throw new Error(`a problem in line ${wrong.line} of ${lines}`);
  const between = entriesBetween(entries, '1.0-1', '1.2-1').entries;
  referencesOf(between);
  codeBlock(between.flatMap(entryLines));
}

function readLock(text: string): void {
  const { inputs, packages } = parseLockfile(text, 'fuzzed.lock');
  for (const locked of packages) {
    if (/(^|\/)\.\.(\/|$)|^\/|\0/.test(locked.filename)) throw new Error(`it leaves the pool: ${locked.filename}`);
    provides(locked);
    for (const field of relationFields) parseRelations(locked.fields.get(field));
  }
  // What was read can be written, and is the same then.
  if (inputs !== null) parseLockfile(formatLockfile(inputs, packages), 'written.lock');
}

async function readMembers(input: Buffer): Promise<void> {
  for await (const { size, body } of readAr(inPieces(input))) {
    let read = 0;
    for await (const chunk of body) read += chunk.length;
    if (read !== size) throw new Error(`${read} bytes of ${size}`);
  }
}

async function readControlTar(input: Buffer): Promise<void> {
  // Whoever opens a deb says whose it is.
  const files = await readControl(inPieces(input), deb).catch((error) => Promise.reject(asBadFormat(error, deb)));
  const outside = files.find(({ name }) => name.includes('/') || name === '..');
  if (outside !== undefined) throw new Error(`a control file outside: ${outside.name}`);
  controlFields(files, deb);
}

async function readDataTar(input: Buffer): Promise<void> {
  const sink = new MemorySink();
  const tree = new DataTree(deb, sink, { digests: true });
  await tree.read(inPieces(input), async () => {});
  const outside = sink.list(tree.root).find((line) => /(^|[/ ])\.\.(\/|$)/.test(line.replace(/ -> .*/s, '')));
  if (outside !== undefined) throw new Error(`a file outside: ${outside}`);
}

async function readDeb(input: Buffer): Promise<void> {
  const opened = await openDeb(inPieces(input), deb);
  for await (const _chunk of opened.data);
  await opened.finish();
}

async function* inPieces(input: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < input.length; at += 4096) yield input.subarray(at, at + 4096);
}

/** A file that describes no image. */
function unlessUsage(error: unknown): string | null {
  return error instanceof LockstepError && error.code === 'E_USAGE' ? null : 'not E_USAGE';
}

function never(): string {
  return 'it throws';
}

function unlessLine(error: unknown, input: Buffer): string | null {
  if (!(error instanceof Deb822Error)) return 'not a Deb822Error';
  return within(error.line, input);
}

/** Errors of these codes, whose message begins with a file and a line that is there. */
function unlessPlace(place: RegExp, ...codes: string[]): FuzzedReader['complaint'] {
  return (error, input) => {
    if (!(error instanceof LockstepError) || !codes.includes(error.code)) return `not ${codes.join(' or ')}`;
    const line = place.exec(error.message)?.[1];
    return line === undefined ? 'it names no line' : within(Number(line), input);
  };
}

function within(line: number, input: Buffer): string | null {
  const lines = input.toString().split('\n').length;
  return line >= 1 && line <= lines ? null : `it names line ${line} of ${lines}`;
}

/** What is wrong with a deb; a mistake of the reader would come wrapped as one, too. */
function unlessFormat(error: unknown): string | null {
  if (!(error instanceof LockstepError)) return 'not a LockstepError';
  if (error.code !== 'E_DEB_FORMAT' && error.code !== 'E_DEB_HOSTILE') return `${error.code} is another matter`;
  const cause = error.cause;
  const decoding = String((cause as { code?: unknown })?.code).startsWith('Z_');
  if (cause === undefined || cause instanceof ArError || cause instanceof TarError || decoding) return null;
  return `the reader itself failed: ${cause instanceof Error ? cause.stack : String(cause)}`;
}
