import type { ImageConfig } from '../../config/types.ts';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import { proxyFor } from '../root/proxy.ts';
import { type SuiteSource, type ToolboxApt, toolboxApt } from '../root/toolbox-apt.ts';

/** Where an image's suites and debs come from. */
export interface Archive {
  /** Each suite of the image, in the order of its configuration, with the base URL that serves it. */
  suites: SuiteSource[];
  /** Addresses where the deb of a lockfile's `Filename` may be, the likeliest first. */
  candidates(filename: string): string[];
  /** The proxy that apt would use for an address; null when none. */
  proxy(url: string): string | null;
}

/**
 * The archive of an image: its `mirror:`, or else what the toolbox's own apt is set up with. A suite that apt does not
 * list (trixie on a bookworm host) comes from the base that serves its other suites of that kind.
 * Throws E_APT_NO_SUITE when nothing tells a base.
 */
export async function archiveOf(
  toolbox: Toolbox,
  image: Pick<ImageConfig, 'name' | 'suites' | 'mirror'> & Partial<Pick<ImageConfig, 'sources'>>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Archive> {
  const apt = await toolboxApt(toolbox);
  const suites = image.suites.map((suite) => ({ suite, base: baseOf(suite, image, apt) }));
  const further = (image.sources ?? []).map(({ url }) => url);
  return {
    suites,
    candidates: (filename) =>
      [...new Set([...basesFor(filename, suites), ...further])].map((base) => `${base}/${encodePath(filename)}`),
    proxy: (url) => proxyFor(url, apt.acquire, environment),
  };
}

function baseOf(suite: string, image: Pick<ImageConfig, 'name' | 'mirror'>, apt: ToolboxApt): string {
  if (image.mirror !== null) return mirrorBase(image.mirror, suite);
  const base =
    apt.sources.find((source) => source.suite === suite)?.base ??
    mostUsed(apt.sources.filter((source) => isSecurity(source.suite) === isSecurity(suite)));
  if (base !== undefined) return base;
  throw new LockstepError('E_APT_NO_SUITE', `image ${image.name}: no source of the toolbox’s apt serves ${suite}`, {
    hint: 'name the archive with `mirror:` in the image',
  });
}

/** Debian keeps the security suites in an archive of their own, beside the other one on most mirrors. */
function mirrorBase(mirror: string, suite: string): string {
  const base = mirror.replace(/\/+$/, '');
  return isSecurity(suite) ? base.replace(/\/debian$/, '/debian-security') : base;
}

/** Whether a suite is one of security updates: `bookworm-security`. */
export function isSecurity(suite: string): boolean {
  return /-security$|\/updates$/.test(suite);
}

function mostUsed(sources: readonly SuiteSource[]): string | undefined {
  const uses = (base: string) => sources.filter((source) => source.base === base).length;
  const bases = [...new Set(sources.map((source) => source.base))];
  return bases.sort((a, b) => uses(b) - uses(a))[0];
}

/** The security archive's pool is `pool/updates/`; the others follow, for a mirror that merges both. */
function basesFor(filename: string, suites: readonly SuiteSource[]): string[] {
  const fromSecurity = filename.startsWith('pool/updates/');
  const likely = suites.filter((source) => isSecurity(source.suite) === fromSecurity);
  return [...new Set([...likely, ...suites].map((source) => source.base))];
}

/** As apt does it for a request: colons and plus signs escaped, slashes kept. */
function encodePath(filename: string): string {
  return filename.split('/').map(encodeURIComponent).join('/');
}
