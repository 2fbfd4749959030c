import { archiveCodes } from './codes/archive.ts';
import { configurationCodes } from './codes/configuration.ts';
import { debCodes } from './codes/deb.ts';
import { deviceCodes } from './codes/device.ts';
import { imageCodes } from './codes/image.ts';
import { lockfileCodes } from './codes/lockfile.ts';
import { lockstepCodes } from './codes/lockstep.ts';
import { refreshCodes } from './codes/refresh.ts';
import { repositoryCodes } from './codes/repository.ts';
import { signingCodes } from './codes/signing.ts';
import { sshCodes } from './codes/ssh.ts';
import { toolboxCodes } from './codes/toolbox.ts';
import type { ErrorEntry } from './entry.ts';

const entries = {
  ...configurationCodes,
  ...archiveCodes,
  ...lockfileCodes,
  ...debCodes,
  ...toolboxCodes,
  ...imageCodes,
  ...repositoryCodes,
  ...signingCodes,
  ...sshCodes,
  ...deviceCodes,
  ...refreshCodes,
  ...lockstepCodes,
} satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof entries;

/** Every code, in the order in which `lockstep explain` lists them. */
export const catalogue: Record<ErrorCode, ErrorEntry> = entries;
