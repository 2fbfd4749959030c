import { PackageURL } from 'packageurl-js';
import { isLocal } from '../apt/lockfile/local-debs.ts';
import type { LockedPackage } from '../apt/lockfile/locked-package.ts';
import type { Distribution } from './distribution.ts';

interface PurlParts {
  source: { name: string; version: string };
  distribution: Distribution;
  /** Who publishes it, when not the distribution; null: nobody who says. */
  vendor?: string | null;
}

/**
 * The package URL of a deb: `pkg:deb/debian/libc6@2.36-9?arch=armhf&distro=debian-12&upstream=glibc`. `upstream` is the source
 * package where it has another name or version: Debian's advisories go by it. What others publish does not pass for the
 * distribution's, whose advisories are not about it.
 */
export function purlOf(locked: LockedPackage, { source, distribution, vendor }: PurlParts): string {
  const foreign = vendor !== undefined || isLocal(locked);
  const qualifiers = {
    arch: locked.architecture,
    ...(foreign ? {} : { distro: distribution.release }),
    ...upstream(locked, source),
  };
  const namespace = foreign ? vendorName(vendor ?? null) : distribution.id;
  return canonical(new PackageURL('deb', namespace, locked.package, locked.version, qualifiers, undefined).toString());
}

/**
 * The library writes a plus sign of a version as it is, which some readers take for a space, and encodes colons and tildes of
 * qualifiers; the specification (character encoding) has it the other way round in each case.
 */
function canonical(purl: string): string {
  return purl.replaceAll('+', '%2B').replaceAll('%3A', ':').replaceAll('%7E', '~');
}

function upstream(locked: LockedPackage, source: PurlParts['source']): { upstream?: string } {
  if (source.version !== locked.version) return { upstream: `${source.name}@${source.version}` };
  return source.name === locked.package ? {} : { upstream: source.name };
}

function vendorName(vendor: string | null): string {
  return (
    vendor
      ?.toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'local'
  );
}
