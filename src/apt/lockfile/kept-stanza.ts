import type { LockedPackage } from './locked-package.ts';

/** What an archive says of a deb beside what is in it, and may say otherwise tomorrow, or in another of its suites. */
const ofTheArchive = new Set([
  ...['filename', 'section', 'priority', 'tag', 'task', 'description', 'description-md5', 'phased-update-percentage'],
  ...['md5sum', 'sha1', 'sha512'],
]);

/**
 * Whether the present lockfile's stanza still holds for a deb that is published: it is of the same deb, under the same
 * path. What an archive adds to a package that has not changed, such as tags, is no change of the image.
 */
export function isStill(published: LockedPackage, locked: LockedPackage | undefined): locked is LockedPackage {
  if (locked === undefined || locked.filename !== published.filename) return false;
  const names = [...new Set([...published.fields.names(), ...locked.fields.names()])];
  return names.every((name) => ofTheArchive.has(name) || locked.fields.get(name) === published.fields.get(name));
}
