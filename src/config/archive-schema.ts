import { z } from 'zod';
import { packageName, suiteName } from './debian-names.ts';

/** The keys of an image that say which archives its packages come from, and which of them. */

const componentName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*(\/[A-Za-z0-9][A-Za-z0-9+._-]*)*$/, 'a component such as main or contrib');

const components = z.array(componentName).min(1);

const url = z
  .url({ protocol: /^https?$/ })
  .refine(
    (text) => !/[\s;,]/.test(text) && new URL(text).password === '',
    'a URL without password, comma and semicolon',
  );

const source = z.strictObject({
  url: url.describe('Base URL of the repository'),
  suites: z.array(suiteName).min(1),
  components: components.default(['main']),
  keyring: z.string().min(1).describe('File below lockstep.yml with the OpenPGP keys that may sign it'),
  priority: z.int().min(1).max(32767).optional().describe('As in apt_preferences(5); default: 500, as all suites have'),
});

export const archiveEntry = {
  components: components.optional().describe('Components of the suites; default: main'),
  keyring: z
    .string()
    .min(1)
    .optional()
    .describe('File below lockstep.yml with the OpenPGP keys that may sign the suites'),
  sources: z.array(source).optional().describe('Further repositories, each with a keyring of its own'),
  base: z
    .union([z.literal('essential'), z.array(packageName).min(1)], { error: 'essential, or a list of packages' })
    .optional()
    .describe('What every image has: the essential packages, or these in place of them'),
  recommends: z.boolean().optional().describe('Whether recommended packages come along'),
  exclude: z
    .array(packageName)
    .optional()
    .describe('Packages never to be taken, whatever recommends or depends on them'),
};

export const sourceKeys = Object.keys(source.shape);
