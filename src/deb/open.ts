import { LockstepError } from '../errors/index.ts';
import { type ArMember, readAr } from './ar.ts';
import { type ControlFile, readControl } from './control.ts';
import { decompress } from './decompress.ts';
import { badFormat, type LockedDeb } from './package.ts';

/** A deb taken apart while it arrives. */
export interface OpenDeb {
  /** The files of control.tar. */
  control: ControlFile[];
  /** The plain data.tar. A chunk's bytes are good until the next is asked for. */
  data: AsyncIterable<Buffer>;
  /** Reads on to the end, so that a source that counts and hashes has seen the whole deb. */
  finish(): Promise<void>;
  /** Lets go of the source early. */
  close(): Promise<void>;
}

/**
 * Opens a deb of format 2 (deb(5)): `debian-binary`, `control.tar`, `data.tar`; members whose names begin with `_` are
 * ignored. Throws E_DEB_FORMAT, and so does reading on; a LockstepError of the source itself passes through.
 */
export async function openDeb(source: AsyncIterable<Buffer>, deb: LockedDeb): Promise<OpenDeb> {
  const members = readAr(source);
  const close = async () => void (await members.return());
  try {
    await checkVersion(await nextMember(members, 'debian-binary', deb), deb);
    const control = await readControl(plain(await nextMember(members, 'control.tar', deb), deb), deb);
    const data = plain(await nextMember(members, 'data.tar', deb), deb);
    return { control, data, finish: () => drain(members, deb), close };
  } catch (error) {
    await close();
    throw asBadFormat(error, deb);
  }
}

/** Errors of readers and decoders, which do not know whose bytes they read, as E_DEB_FORMAT; others stay as they are. */
export function asBadFormat(error: unknown, deb: LockedDeb): LockstepError {
  if (error instanceof LockstepError) return error;
  return badFormat(deb, error instanceof Error ? error.message : String(error), error);
}

async function nextMember(members: AsyncIterator<ArMember>, wanted: string, deb: LockedDeb): Promise<ArMember> {
  for (;;) {
    const { value, done } = await members.next();
    if (done === true) throw badFormat(deb, `it ends before ${wanted}`);
    if (value.name.startsWith(wanted)) return value;
    if (!value.name.startsWith('_'))
      throw badFormat(deb, `it holds ${JSON.stringify(value.name)} where ${wanted} belongs`);
  }
}

/** The first line is the format's version; more lines may follow one day (deb(5)). */
async function checkVersion(member: ArMember, deb: LockedDeb): Promise<void> {
  const limit = 64;
  let text = '';
  for await (const chunk of member.body) {
    if (text.length < limit) text += chunk.toString('latin1', 0, limit);
  }
  const version = text.split('\n', 1)[0] ?? '';
  if (!/^2\.\d+$/.test(version)) throw badFormat(deb, `its format is ${JSON.stringify(version)}, not 2.0`);
}

async function* plain(member: ArMember, deb: LockedDeb): AsyncGenerator<Buffer, void, void> {
  const bytes = decompress(member.name, member.body, { reuse: true });
  if (bytes === null) throw badFormat(deb, `the compression of ${member.name} is not known`);
  try {
    yield* bytes;
  } catch (error) {
    throw asBadFormat(error, deb);
  }
}

async function drain(members: AsyncIterator<ArMember>, deb: LockedDeb): Promise<void> {
  try {
    while ((await members.next()).done !== true);
  } catch (error) {
    throw asBadFormat(error, deb);
  }
}
