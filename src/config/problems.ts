import type { z } from 'zod';
import { LockstepError } from '../errors/index.ts';
import { nearest } from './nearest.ts';
import type { KeyPath, Source } from './source.ts';

/** Turns what the schema objects to into one error that names every place, each with file and line. */
export function configError(source: Source, issues: readonly z.core.$ZodIssue[], keys: KnownKeys, under: KeyPath = []) {
  const problems = issues.flatMap((issue) => describe(source, issue, keys, under));
  const code = issues.every(isAboutKeys) ? 'E_CONFIG_KEY' : 'E_CONFIG_VALUE';
  return new LockstepError(code, problems.map((problem) => problem.text).join('\n'), {
    hint: problems.find((problem) => problem.hint !== undefined)?.hint,
  });
}

/** The keys that may stand at a place: what a misspelt one is compared with. */
export type KnownKeys = (keyPath: KeyPath) => readonly string[];

interface Problem {
  text: string;
  hint?: string;
}

function describe(source: Source, issue: z.core.$ZodIssue, keys: KnownKeys, under: KeyPath): Problem[] {
  const keyPath = [...under, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(source, [...keyPath, key], keys(keyPath)));
  }
  if (issue.code === 'invalid_key') {
    return [
      { text: `${source.locate(keyPath)}: ${quote(keyPath)} is not a valid name: ${issue.issues[0]?.message ?? ''}` },
    ];
  }
  if (isMissing(issue)) {
    return [
      { text: `${source.locate(keyPath)}: ${quote(keyPath)} is missing`, hint: `add ${String(keyPath.at(-1))}:` },
    ];
  }
  return [{ text: `${source.locate(keyPath)}: ${quote(keyPath)}: ${issue.message}` }];
}

function unknownKey(source: Source, keyPath: KeyPath, known: readonly string[]): Problem {
  const key = String(keyPath.at(-1));
  const meant = nearest(key, known);
  const text = `${source.locate(keyPath)}: unknown key ${quote(keyPath)}`;
  return meant === null
    ? { text, hint: `known here: ${known.join(', ')}` }
    : { text: `${text}; did you mean "${meant}"?`, hint: `write ${meant}: instead of ${key}:` };
}

function isAboutKeys(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'unrecognized_keys' || isMissing(issue);
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
}

const quote = (keyPath: KeyPath) => `"${keyPath.map(String).join('.')}"`;
