import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { LockstepError } from '../../errors/index.ts';
import { ChosenKeysAgent } from './agent.ts';
import type { Connection } from './connection.ts';

const defaultNames = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * What a connection offers, in order: the device's own identity file and nothing else when it has one, otherwise what the
 * OpenSSH client would: the keys of the ssh agent (with IdentitiesOnly, those whose files it names), then those of its
 * files that need no passphrase. Throws E_SSH_AUTH when there is nothing.
 */
export async function authMethods(to: Connection, environment: NodeJS.ProcessEnv): Promise<AnyAuthMethod[]> {
  const agent = to.client === undefined || to.client === null ? environment.SSH_AUTH_SOCK || null : to.client.agent;
  if (to.identity !== null) return [await viaIdentity(to, to.identity, agent)];

  const files = to.client?.identityFiles ?? defaultFiles(environment);
  const keys = (await Promise.all(files.map(readKeyFile))).filter((key) => key !== null);
  const methods: AnyAuthMethod[] = [];
  if (agent !== null) {
    const chosen = to.client?.identitiesOnly ? keys.map(({ publicHalf }) => publicHalf) : null;
    methods.push(viaAgent(to, agent, chosen));
  }
  for (const { usable } of keys) if (usable !== null) methods.push(publicKey(to, usable));
  if (methods.length > 0) return methods;
  throw new LockstepError('E_SSH_AUTH', `device ${to.name}: there is no key to log in with`, {
    hint: `Start an ssh agent, make a key with ssh-keygen, or give the device an \`identity:\`.`,
  });
}

function defaultFiles(environment: NodeJS.ProcessEnv): string[] {
  const home = path.join(environment.HOME ?? homedir(), '.ssh');
  return defaultNames.map((name) => path.join(home, name));
}

/** One with a passphrase, or a public half alone, is the agent's business, told by the public half. */
async function viaIdentity(to: Connection, file: string, agent: string | null): Promise<AnyAuthMethod> {
  const text = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new LockstepError('E_SSH_AUTH', `device ${to.name}: cannot read its key ${file}: ${cause.code}`, { cause });
  });
  const key = parse(text);
  if (!(key instanceof Error) && key.isPrivateKey()) return publicKey(to, key);
  const publicHalf = key instanceof Error ? await publicHalfBeside(file) : key.getPublicSSH();
  if (publicHalf !== null && agent !== null) return viaAgent(to, agent, [publicHalf]);
  // ssh2's message tells what is wrong with the file and never holds any of it.
  const why = key instanceof Error ? key.message : 'it is the public half, and there is no ssh agent';
  throw new LockstepError('E_SSH_AUTH', `device ${to.name}: its key ${file} cannot be used: ${why}`, {
    hint: `A key with a passphrase works through the ssh agent, which \`ssh-add\` gives it to, with ${file}.pub beside it.`,
  });
}

function viaAgent(to: Connection, socket: string, chosen: Buffer[] | null): AnyAuthMethod {
  return { type: 'agent', username: to.user, agent: chosen === null ? socket : new ChosenKeysAgent(socket, chosen) };
}

function publicKey(to: Connection, key: ParsedKey): AnyAuthMethod {
  return { type: 'publickey', username: to.user, key };
}

interface KeyFile {
  /** null: it needs a passphrase, or is the public half. */
  usable: ParsedKey | null;
  publicHalf: Buffer;
}

async function readKeyFile(file: string): Promise<KeyFile | null> {
  const text = await readFile(file).catch(() => null);
  const key = text === null ? null : parse(text);
  if (key !== null && !(key instanceof Error)) {
    return { usable: key.isPrivateKey() ? key : null, publicHalf: key.getPublicSSH() };
  }
  const publicHalf = await publicHalfBeside(file);
  return publicHalf === null ? null : { usable: null, publicHalf };
}

async function publicHalfBeside(file: string): Promise<Buffer | null> {
  const text = await readFile(`${file}.pub`).catch(() => null);
  const key = text === null ? null : parse(text);
  return key === null || key instanceof Error ? null : key.getPublicSSH();
}

function parse(text: Buffer): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text);
  // The typings leave out that some formats yield a list.
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  return key ?? new Error('it holds no key');
}
