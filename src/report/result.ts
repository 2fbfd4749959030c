import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { catalogue, type ErrorCode, LockstepError } from '../errors/index.ts';
import { textIfThere } from '../files/if-there.ts';

const code = z.enum(Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]);

const caseFields = {
  name: z.string(),
  status: z.enum(['passed', 'failed', 'skipped', 'error']),
  ms: z.number(),
  message: z.string().nullable(),
  output: z.string(),
};

const test = z.object({ ...caseFields, points: z.array(z.object(caseFields)) });

const deployment = z.object({
  name: z.string(),
  verdict: z.string(),
  reason: z.string().nullable(),
  wanted: z.string(),
  commit: z.string().nullable(),
  bytesSent: z.number(),
  ms: z.number(),
  steps: z.array(z.object({ name: z.string(), ms: z.number(), ok: z.boolean(), detail: z.string() })),
  ownMs: z.number().optional(),
  verdictMs: z.number().nullable().optional(),
  warnings: z.array(z.string()).optional(),
  /** Files beside the device's others: journal, `ostree admin status`, failed units, health, console. */
  evidence: z.array(z.string()).optional(),
});

const image = z.object({
  name: z.string(),
  arch: z.string(),
  ref: z.string(),
  commit: z.string(),
  lockDigest: z.string(),
  stages: z.array(z.object({ name: z.string(), ms: z.number(), cached: z.boolean() })),
  /** Packages that differ from those of the run before, when that is known. */
  changes: z.array(
    z.object({ package: z.string(), from: z.string().nullable(), to: z.string().nullable(), kind: z.string() }),
  ),
});

const device = z.object({
  name: z.string(),
  image: z.string(),
  virtual: z.boolean(),
  /** Null: nothing was deployed to it. */
  deployment: deployment.nullable(),
  tests: z.array(test),
  /** Why its tests could not be run, or not all. */
  failure: z.object({ code, message: z.string() }).nullable(),
  /** Things that went wrong beside the tests. */
  notes: z.array(z.string()),
  /** What the run kept of it, relative to `devices/<name>/`: logs and artifacts. */
  files: z.array(z.string()),
});

const schema = z.object({
  format: z.literal(1),
  /** ISO 8601, UTC, by the agent's clock. */
  startedAt: z.iso.datetime(),
  ms: z.number(),
  outcome: z.enum(['ok', 'unchanged', 'failed', 'unstable']),
  code: code.nullable(),
  message: z.string(),
  hint: z.string().nullable(),
  /** One line for a build's description. */
  description: z.string(),
  images: z.array(image),
  devices: z.array(device),
});

/** What the verbs of one run said: `.lockstep/run/result.json`. */
export type RunResult = z.infer<typeof schema>;
export type ImageResult = z.infer<typeof image>;
export type DeviceResult = z.infer<typeof device>;

const fileName = 'result.json';

export function resultFile(runDirectory: string): string {
  return path.join(runDirectory, fileName);
}

/** The results of a run directory, or null when it holds none. Throws E_RESULT when the file is damaged. */
export async function readResult(runDirectory: string): Promise<RunResult | null> {
  const file = resultFile(runDirectory);
  const text = await textIfThere(file);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).split('\n')[0] : (cause as Error).message;
    throw new LockstepError('E_RESULT', `${file} is damaged or was written by another version: ${why}`, { cause });
  }
}

/** Writes result.json under another name first, so that no reader meets half of it. Returns its path. */
export async function writeResult(runDirectory: string, result: RunResult): Promise<string> {
  const file = resultFile(runDirectory);
  await mkdir(runDirectory, { recursive: true });
  await writeFile(`${file}.tmp`, `${JSON.stringify(result, null, 2)}\n`);
  await rename(`${file}.tmp`, file);
  return file;
}

const mostOutput = 64 * 1024;

/** The end of a test's output, as much as a report shows; the last MiB of it is in the JUnit file. */
export function shortOutput(output: string): string {
  if (output.length <= mostOutput) return output;
  return `[only the last 64 KiB; the JUnit file has more]\n${output.slice(-mostOutput)}`;
}
