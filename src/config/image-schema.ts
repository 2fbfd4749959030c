import { z } from 'zod';
import { archiveEntry, sourceKeys } from './archive-schema.ts';
import { packageName, suiteName } from './debian-names.ts';
import { durationPattern } from './duration.ts';
import { architectures } from './types.ts';

/** One entry under `images:` as users write it: every key may come from the entry that it extends. */

const path = z.string().min(1);

/** It goes into os-release, the commit's metadata and file names as it is. */
export const imageVersion = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.+~_-]*$/, 'letters, digits and . + ~ _ -, beginning with a letter or digit');

/** The name of an image; one that begins with a dot is a base for others and not built itself. */
export const imageName = z
  .string()
  .regex(
    /^\.?[a-z0-9][a-z0-9._-]*$/,
    'lower-case letters, digits, dot, dash and underscore; a dot in front makes it a base that is not built itself',
  );

const pin = z.strictObject({
  package: packageName,
  // apt would take more for a pattern: a regular expression between slashes, sets of characters.
  version: z
    .string()
    .regex(/^[A-Za-z0-9.+:~*?-]+$/, 'a version, or a glob with * and ? such as 3.0.*')
    .describe('Version, or a glob such as 3.0.*'),
  reason: z.string().min(1).describe('Why: a sentence or the URL of an issue'),
  expires: z.iso.date().optional().describe('Day after which the pin is questioned, YYYY-MM-DD'),
});

const overlayFiles = z.strictObject({
  path: path.describe('Directory or tar (.tar, .tar.gz, .tar.xz, .tar.zst)'),
  manifest: path.optional().describe('Owners and modes of what is in it, as mtree(5) has them'),
});

const overlayRef = z.strictObject({
  ref: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'an ostree ref or commit'),
  repo: path.optional().describe('ostree repository that has it; default: the build’s own'),
});

const overlay = z.union([path, overlayFiles, overlayRef], {
  error: 'a directory or tar, {path, manifest}, or {ref, repo}',
});

const scripts = z.array(path).optional();

const run = z.strictObject({
  unpacked: scripts.describe('Before the first maintainer script: packages unpacked, no overlay'),
  configured: scripts.describe('After all packages were configured, with the overlays, before the initramfs'),
  finalized: scripts.describe('Last: the tree as devices get it'),
});

const debPattern = z
  .string()
  .regex(/^[A-Za-z0-9*?][^/\s\\]*(\/[A-Za-z0-9*?][^/\s\\]*)*\.deb$/, 'a path below lockstep.yml such as dist/*.deb');

/** What a `Filename` is appended to. */
const archiveBase = z
  .string()
  .regex(/^(https?:\/\/|file:\/\/\/|\/)\S+$/, 'the base URL of an archive (http, https or file), or an absolute path');

/** hostname(5): labels of letters, digits and dashes, 64 characters in all. */
const hostname = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/, 'a host name');

/** Beside lockstep.yml, where its history and the paths in it are looked for. */
const lockfileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'the name of a file beside lockstep.yml such as Packages.lock');

export const imageEntry = z.strictObject({
  extends: imageName.optional().describe('Entry that this one adds to: lists grow, all else is replaced'),
  arch: z.enum(architectures).optional().describe('Debian architecture'),
  suites: z
    .array(suiteName)
    .min(1)
    .optional()
    .describe('Suites that packages come from; list -updates and -security too'),
  packages: z.array(packageName).min(1).optional().describe('Packages wanted; what they depend on comes along'),
  ...archiveEntry,
  debs: z.array(debPattern).optional().describe('Local debs to install, patterns below lockstep.yml'),
  overlay: z.array(overlay).optional().describe('Laid over the image, last wins'),
  run: run.optional().describe('Scripts that run inside the image while it is built'),
  mirror: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Archive to use instead of the one apt is set up with'),
  archives: z
    .array(archiveBase)
    .optional()
    .describe('Further archives, asked in this order for debs that the first no longer has'),
  version: imageVersion.optional(),
  kargs: z
    .array(z.string().regex(/^[^\s"\\]+$/, 'one kernel argument, without spaces and quotes'))
    .optional()
    .describe('Kernel arguments that deployments of the image get'),
  locale: z
    .string()
    .regex(/^[A-Za-z0-9_.@-]+$/, 'a locale such as C.UTF-8 or de_DE.UTF-8')
    .optional()
    .describe('LANG of the image'),
  timezone: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9+_-]*(\/[A-Za-z0-9+_-]+)*$/, 'a time zone such as Europe/Berlin')
    .optional(),
  hostname: hostname.optional().describe('Name of devices until they are given one of their own'),
  lockfile: lockfileName
    .optional()
    .describe('Lockfile under another name than IMAGE.lock, such as the Packages.lock of apt2ostree'),
  pins: z.array(pin).optional().describe('Packages held at a version'),
  minimumAge: z
    .string()
    .regex(durationPattern, 'a duration such as 12h or 3d')
    .optional()
    .describe('How old a version must be before an update takes it; those of security suites are taken at once'),
});

export type ImageEntry = z.infer<typeof imageEntry>;

/** What an image has, its own or inherited. */
export const requiredKeys = ['arch', 'suites', 'packages'] as const;

export type CompleteImageEntry = ImageEntry & Required<Pick<ImageEntry, (typeof requiredKeys)[number]>>;

/** Keys of nested objects, for suggestions. */
export const innerKeys: Record<string, readonly string[]> = {
  pins: Object.keys(pin.shape),
  overlay: [...Object.keys(overlayFiles.shape), ...Object.keys(overlayRef.shape)],
  run: Object.keys(run.shape),
  sources: sourceKeys,
};
