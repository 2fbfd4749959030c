import type { ImageConfig } from '../../config/types.ts';
import { readKeyring } from '../root/keyring.ts';
import type { SuiteSource } from '../root/toolbox-apt.ts';

/** A suite that apt is to read, with what decides whether it is trusted. */
export interface AptSource {
  /** Base URL as `sources:` of the image has it; null: the image's own archive, from whichever mirror. */
  repository: string | null;
  suite: string;
  /** Base URL that serves it, without a slash at its end. */
  base: string;
  components: readonly string[];
  keyring: SourceKeyring;
  /** apt_preferences(5); null: as any suite. */
  priority: number | null;
  /** Whether it is refused when its Valid-Until has passed; null: as the toolbox's apt is set up. */
  mayNotExpire: boolean | null;
}

/** A keyring that the toolbox has, or OpenPGP keys of the project, which are put there. */
export type SourceKeyring = { file: string } | { keys: Buffer };

export interface SourceOptions {
  /** Keyring of the image's own archive, in the toolbox, unless the image names one. */
  keyring: string;
  /** Suites that may be past their day. */
  allowExpired?: readonly string[];
}

/**
 * All that an image's packages may come from, in the order that decides between equals: its suites, then its sources.
 * Throws E_CONFIG_VALUE for a keyring that is none.
 */
export async function aptSources(
  image: Pick<ImageConfig, 'name' | 'mirror' | 'keyring' | 'components' | 'sources'>,
  suites: readonly SuiteSource[],
  { keyring, allowExpired = [] }: SourceOptions,
): Promise<AptSource[]> {
  // What lockstep.yml names is judged by lockstep; of its own archive the machine knows best, as of one that is frozen.
  const judged = (suite: string, named: boolean) => (allowExpired.includes(suite) ? false : named || null);
  const ownKeys: SourceKeyring = image.keyring
    ? { keys: await readKeyring(image.keyring, `image ${image.name}: the keyring of its archive`) }
    : { file: keyring };
  const own = suites.map(({ suite, base }): AptSource => {
    const mayNotExpire = judged(suite, image.mirror !== null);
    const { components } = image;
    return { repository: null, suite, base, components, keyring: ownKeys, priority: null, mayNotExpire };
  });
  const further = image.sources.map(async ({ url, suites, components, keyring, priority }) => {
    const keys = await readKeyring(keyring, `image ${image.name}: the keyring of ${url}`);
    return suites.map((suite): AptSource => {
      const mayNotExpire = judged(suite, true);
      return { repository: url, suite, base: url, components, keyring: { keys }, priority, mayNotExpire };
    });
  });
  return [...own, ...(await Promise.all(further)).flat()];
}

/** sources.list(5), in deb822 form: where dates are not looked at, nothing expires. @param keyringOf path of a keyring in the toolbox */
export function sourcesText(
  sources: readonly AptSource[],
  arch: string,
  keyringOf: (keyring: SourceKeyring) => string,
): string {
  const stanza = ({ suite, base, components, keyring, mayNotExpire }: AptSource) =>
    `Types: deb\nURIs: ${base}\nSuites: ${suite}\nComponents: ${components.join(' ')}\nArchitectures: ${arch}\n` +
    `Signed-By: ${signedBy(keyring, keyringOf(keyring))}\n` +
    (mayNotExpire === true ? 'Check-Valid-Until: yes\nCheck-Date: yes\n' : '') +
    (mayNotExpire === false ? 'Check-Valid-Until: no\n' : '');
  return sources.map(stanza).join('\n');
}

/** apt takes blanks for the end of a path; keys may then stand there themselves, for which it wants to be 2.4 or later. */
function signedBy(keyring: SourceKeyring, file: string): string {
  if ('file' in keyring || !/\s/.test(file)) return file;
  const lines = keyring.keys.toString('base64').match(/.{1,64}/g) ?? [];
  const block = ['-----BEGIN PGP PUBLIC KEY BLOCK-----', '.', ...lines, '-----END PGP PUBLIC KEY BLOCK-----'];
  return block.map((line) => `\n ${line}`).join('');
}
