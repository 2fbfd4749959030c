import { z } from 'zod';
import { cacheEntry } from './cache.ts';
import { durationPattern } from './duration.ts';
import { imageEntry, imageName } from './image-schema.ts';
import { fingerprintForm } from './types.ts';

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

const duration = z.string().regex(durationPattern, 'a duration such as 30s, 5m or 1h');

const anyDevice = {
  labels: z.array(name).default([]).describe('What --label selects by'),
  image: name.optional().describe('The image it runs; needed when there are several'),
};

/** What `ssh` takes for a host and nothing else: no option, no user, no URL. */
export const hostForm = /^[A-Za-z0-9_.:][A-Za-z0-9_.:%-]*$/;
export const hostKeyForm = /^SHA256:[A-Za-z0-9+/]{43}$/;

const afterSilence = z
  .boolean()
  .default(false)
  .describe('Cycle the power once when the device never returns from a deployment');

const command = z.string().min(1).nullable().default(null);

const power = z
  .strictObject({
    on: command.describe('Command that gives the device its current, run by sh on the machine of lockstep'),
    off: command.describe('Command that takes it away'),
    cycle: command.describe('Command that does both; default: off, pause, on'),
    timeout: duration.default('60s').describe('Limit for each command'),
    pause: duration.default('5s').describe('Between off and on'),
    afterSilence,
  })
  .refine(({ on, off, cycle }) => cycle !== null || (on !== null && off !== null), 'on and off, or cycle');

const virtualDevice = z.strictObject({
  ...anyDevice,
  virtual: z.literal(true).describe('An ARMv7 machine in QEMU, booted by U-Boot'),
  memory: z.int().min(256).max(3072).default(1024).describe('MiB'),
  disk: z.int().min(1024).max(65536).default(4096).describe('MiB'),
  power: z.strictObject({ afterSilence }).optional().describe('The switch itself is built in'),
});

const realDevice = z.strictObject({
  ...anyDevice,
  virtual: z.literal(false).optional(),
  host: z
    .string()
    .regex(hostForm, 'a name or an address, without user and port')
    .describe('Name or address, or a Host of ~/.ssh/config'),
  port: z.int().min(1).max(65535).nullable().default(null).describe('Default: as ~/.ssh/config says, else 22'),
  user: z
    .string()
    .regex(/^[^-@\s][^@\s]*$/, 'a login name')
    .nullable()
    .default(null)
    .describe('Default: as ~/.ssh/config says, else root'),
  hostKey: z
    .string()
    .regex(hostKeyForm, 'a fingerprint as `ssh-keygen -l` prints it: SHA256: and 43 characters')
    .nullable()
    .default(null)
    .describe('Fingerprint of the host key; default: a key that known_hosts holds'),
  identity: z
    .string()
    .min(1)
    .optional()
    .describe('Private key file; default: ~/.ssh/config’s, the ssh agent, ~/.ssh/id_*'),
  proxyJump: z
    .string()
    .regex(/^[^-\s][^\s]*$/, 'user@host:port, several divided by commas, or none')
    .nullable()
    .default(null)
    .describe('Hosts to pass on the way, user@host:port,…; default: as ~/.ssh/config says'),
  power: power.optional().describe('How its power is switched'),
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

const signingKey = z
  .string()
  .min(1)
  .refine(
    (key) => !/^(0x)?[0-9a-f]+$/i.test(key) || fingerprintForm.test(key),
    'a whole fingerprint, 40 digits, or a file',
  )
  .describe('Fingerprint of a secret key of this user, a file that holds one, or $NAME of a variable with either');

const remote = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'letters, digits, dot, dash and underscore, beginning with a letter or digit',
    )
    .refine((chosen) => chosen !== 'lockstep', 'another name: devices without a remote of their own get this one')
    .optional()
    .describe('Default: the name of the image'),
  url: z.string().regex(/^\S+$/, 'a URL').optional().describe('Where devices find newer commits by themselves'),
});

const signing = z
  .strictObject({
    key: signingKey,
    publicKey: z.string().min(1).describe('File with the OpenPGP public key'),
    passphraseFile: z.string().min(1).optional().describe('File that holds the passphrase, or $NAME of a variable'),
    passphraseEnv: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable, without $')
      .optional()
      .describe('Environment variable that holds the passphrase'),
    remote: remote.optional().describe('Remote in the image that demands signatures'),
  })
  .refine((given) => given.passphraseFile === undefined || given.passphraseEnv === undefined, {
    message: 'one of passphraseFile and passphraseEnv, not both',
    path: ['passphraseEnv'],
  });

/** Everything but the devices, whose kind has to be known first. */
export const fileSchema = z.strictObject({
  images: z
    .record(imageName, imageEntry)
    .refine((images) => Object.keys(images).some((key) => !key.startsWith('.')), 'at least one image'),
  devices: z.record(name, z.looseObject({})).default({}),
  tests: tests.prefault({}),
  refresh: refresh.prefault({}),
  signing: signing.optional(),
  cache: cacheEntry.optional(),
});

export type FileConfig = z.infer<typeof fileSchema>;

/** For editors: the JSON Schema (draft 2020-12) of lockstep.yml, as a plain object. */
export function jsonSchema(): object {
  const whole = fileSchema.extend({ devices: z.record(name, z.union([virtualDevice, realDevice])).optional() });
  return { title: 'lockstep.yml', ...z.toJSONSchema(whole, { io: 'input' }) };
}
