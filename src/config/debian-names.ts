import { z } from 'zod';

export const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'a Debian package name');

export const suiteName = z
  .string()
  .regex(/^[a-z0-9][a-zA-Z0-9/_.-]*$/, 'a suite such as bookworm or bookworm-security');
