import { z } from 'zod';
import { architectures } from './types.ts';

/**
 * lockstep.yml as users write it. Strict objects: an unknown key is a mistake. The descriptions travel into the JSON
 * Schema, where editors show them.
 */
const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    'lower-case letters, digits, dot, dash and underscore, beginning with a letter or digit',
  );

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name');
const suiteName = z.string().regex(/^[a-z0-9][a-zA-Z0-9/_.-]*$/, 'a suite such as bookworm or bookworm-security');
const duration = z.string().regex(/^[0-9]+(ms|s|m|h)$/, 'a duration such as 30s, 5m or 1h');

/** It goes into os-release, the commit's metadata and file names as it is. */
export const imageVersion = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.+~_-]*$/, 'letters, digits and . + ~ _ -, beginning with a letter or digit');

const pin = z.strictObject({
  package: packageName,
  version: z.string().min(1).describe('Version, or a glob such as 3.0.*'),
  reason: z.string().min(1).describe('Why: a sentence or the URL of an issue'),
  expires: z.iso.date().optional().describe('Day after which the pin is questioned, YYYY-MM-DD'),
});

const image = z.strictObject({
  arch: z.enum(architectures).describe('Debian architecture'),
  suites: z.array(suiteName).min(1).describe('Suites that packages come from; list -updates and -security too'),
  packages: z.array(packageName).min(1).describe('Packages wanted; what they depend on comes along'),
  overlay: z.array(z.string().min(1)).default([]).describe('Directories laid over the image, last wins'),
  mirror: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Archive to use instead of the one apt is set up with'),
  version: imageVersion.optional(),
  kargs: z
    .array(z.string().regex(/^[^\s]+$/, 'one kernel argument, without spaces'))
    .default([])
    .describe('Kernel arguments of virtual devices made from it; a deployment keeps those that the device has'),
  pins: z.array(pin).default([]).describe('Packages held at a version'),
});

const anyDevice = {
  labels: z.array(name).default([]).describe('What --label selects by'),
  image: name.optional().describe('The image it runs; needed when there are several'),
};

const virtualDevice = z.strictObject({
  ...anyDevice,
  virtual: z.literal(true).describe('An ARMv7 machine in QEMU, booted by U-Boot'),
  memory: z.int().min(256).max(3072).default(1024).describe('MiB'),
  disk: z.int().min(1024).max(65536).default(4096).describe('MiB'),
});

const realDevice = z.strictObject({
  ...anyDevice,
  virtual: z.literal(false).optional(),
  host: z.string().min(1).describe('Name or address'),
  port: z.int().min(1).max(65535).default(22),
  user: z.string().min(1).default('root'),
  hostKey: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'a fingerprint as `ssh-keygen -l` prints it: SHA256: and 43 characters')
    .describe('Fingerprint of the host key'),
  identity: z.string().optional().describe('Private key file; default: the ssh agent, then ~/.ssh/id_*'),
});

/** The keys decide which kind of device is meant, so that a mistake is reported against that kind alone. */
export const deviceSchemas = { virtual: virtualDevice, real: realDevice };

const tests = z.strictObject({
  dir: z.string().default('tests/device').describe('Directory of executables, run on the device'),
  timeout: duration.default('5m').describe('Limit for each test'),
});

const jenkinsGate = z.strictObject({
  jenkins: z.url({ protocol: /^https?$/ }).describe('URL of the controller'),
  job: z.string().min(1).describe('Full name of the job, folders with slashes'),
});

const refresh = z.strictObject({
  branch: z.string().min(1).default('lockstep/refresh'),
  base: z.string().min(1).default('main'),
  remote: z.string().min(1).default('origin'),
  gate: z
    .union([z.literal('run'), z.literal('none'), jenkinsGate])
    .default('run')
    .describe('What a refresh must pass'),
});

/** Everything but the devices, whose kind has to be known first. */
export const fileSchema = z.strictObject({
  images: z.record(name, image).refine((images) => Object.keys(images).length > 0, 'at least one image'),
  devices: z.record(name, z.looseObject({})).default({}),
  tests: tests.prefault({}),
  refresh: refresh.prefault({}),
});

export type FileConfig = z.infer<typeof fileSchema>;

/** For editors: the JSON Schema (draft 2020-12) of lockstep.yml, as a plain object. */
export function jsonSchema(): object {
  const whole = fileSchema.extend({ devices: z.record(name, z.union([virtualDevice, realDevice])).optional() });
  return { title: 'lockstep.yml', ...z.toJSONSchema(whole, { io: 'input' }) };
}
