import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { LockstepError } from '../errors/index.ts';
import type { Connection } from './connection.ts';

const defaultNames = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * What a connection offers, in order: the device's own identity file and nothing else when it has one, otherwise the
 * keys of the ssh agent and the usual files in ~/.ssh that need no passphrase. Throws E_SSH_AUTH when there is nothing.
 */
export async function authMethods(to: Connection, environment: NodeJS.ProcessEnv): Promise<AnyAuthMethod[]> {
  const agent = environment.SSH_AUTH_SOCK;
  const viaAgent: AnyAuthMethod[] = agent ? [{ type: 'agent', username: to.user, agent }] : [];
  if (to.identity !== null) return [await viaIdentity(to, to.identity)];

  const home = path.join(environment.HOME ?? homedir(), '.ssh');
  const keys = await Promise.all(defaultNames.map((name) => usableKey(path.join(home, name))));
  const methods = [...viaAgent, ...keys.filter((key) => key !== null).map((key) => publicKey(to, key))];
  if (methods.length === 0) {
    throw new LockstepError('E_SSH_AUTH', `device ${to.name}: there is no key to log in with`, {
      hint: `Start an ssh agent, make a key with ssh-keygen, or give the device an \`identity:\`.`,
    });
  }
  return methods;
}

async function viaIdentity(to: Connection, file: string): Promise<AnyAuthMethod> {
  const text = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new LockstepError('E_SSH_AUTH', `device ${to.name}: cannot read its key ${file}: ${cause.code}`, { cause });
  });
  const key = parse(text);
  if (key instanceof Error) {
    // ssh2's message tells what is wrong with the file and never holds any of it.
    throw new LockstepError('E_SSH_AUTH', `device ${to.name}: its key ${file} cannot be used: ${key.message}`, {
      hint: 'A key with a passphrase works through the ssh agent: drop `identity:` and `ssh-add` it.',
    });
  }
  return publicKey(to, key);
}

function publicKey(to: Connection, key: ParsedKey): AnyAuthMethod {
  return { type: 'publickey', username: to.user, key };
}

async function usableKey(file: string): Promise<ParsedKey | null> {
  const text = await readFile(file).catch(() => null);
  if (text === null) return null;
  const key = parse(text);
  return key instanceof Error ? null : key;
}

function parse(text: Buffer): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text);
  // The typings leave out that some formats yield a list.
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  return key ?? new Error('it holds no key');
}
