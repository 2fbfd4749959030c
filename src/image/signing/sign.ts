import { readFile } from 'node:fs/promises';
import type { SigningConfig } from '../../config/types.ts';
import { fingerprintForm } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import { commitFile, readSignatures, writeSignatures } from '../../ostree/signing.ts';
import type { Unemulated } from '../stage.ts';
import { makeSignature } from './make.ts';
import { type PublicKey, readPublicKey } from './public-key.ts';
import { readSecret } from './secret.ts';
import { type Judgement, verify } from './verify.ts';

/** What a build signs with. */
export interface Signing {
  config: SigningConfig;
  /** Directory of lockstep.yml. */
  root: string;
  environment: NodeJS.ProcessEnv;
  /** False makes the same commit and leaves it unsigned. */
  make: boolean;
}

/**
 * Makes sure that a commit has a signature that its public key proves valid, and says whether it had to make one. The
 * commit itself and its checksum stay: signatures lie beside it. The secret key is used on this machine and never seen by
 * the toolbox; nobody needs it for a commit that is signed already. Signatures of other keys stay, worthless ones go.
 * Throws E_SIGN_*.
 */
export async function signCommit(build: Unemulated, commit: string, signing: Signing): Promise<boolean> {
  const started = performance.now();
  const stage = build.progress.stage('sign');
  try {
    const made = await ensureSignature(build, commit, signing);
    build.report({ name: 'sign', ms: Math.round(performance.now() - started), cached: !made });
    stage.done(commit.slice(0, 12), { cached: !made });
    return made;
  } catch (error) {
    stage.fail();
    throw error;
  }
}

async function ensureSignature(build: Unemulated, commit: string, signing: Signing): Promise<boolean> {
  const { toolbox, repo, signal } = build;
  const { config, root, environment } = signing;
  const options = { environment: withoutPassphrase(environment, config), signal };
  const publicKey = await readPublicKey(config.publicKey);
  const [bytes, there] = [await readFile(commitFile(repo, commit)), await readSignatures(repo, commit)];
  const judged = await verify(publicKey, bytes, there, options);
  if (judged.some((judgement) => isWanted(judgement, config))) return false;
  const secret = await readSecret(config, root, environment);
  const signature = await makeSignature(secret, bytes, options);
  const [judgement] = await verify(publicKey, bytes, [signature], options);
  if (!isWanted(judgement, config)) throw notVerified(secret.name, publicKey);
  const kept = there.filter((_, index) => judged[index]?.kind !== 'bad');
  await writeSignatures(toolbox, repo, commit, [...kept, signature]);
  return true;
}

/** What gpg and its agent are started with can be read by whoever reads their /proc. */
function withoutPassphrase(environment: NodeJS.ProcessEnv, { passphraseEnv }: SigningConfig): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name !== passphraseEnv));
}

/** Of several public keys, any may have signed, unless the key to sign with is named. */
function isWanted(judgement: Judgement | undefined, { key }: SigningConfig): boolean {
  return judgement?.kind === 'valid' && (!fingerprintForm.test(key) || judgement.fingerprints.includes(key));
}

function notVerified(name: string, { file, fingerprints }: PublicKey): LockstepError {
  const message = `the signature made with ${name} cannot be verified with ${file}, which holds ${fingerprints.join(', ')}`;
  return new LockstepError('E_SIGN_VERIFY', message, {
    hint: 'export the public key that belongs to signing.key into that file; nothing was signed',
  });
}
