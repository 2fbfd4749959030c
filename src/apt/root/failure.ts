import { type ErrorCode, LockstepError } from '../../errors/index.ts';

interface Symptom {
  code: ErrorCode;
  /** In what apt printed, stdout and stderr together. */
  pattern: RegExp;
  hint: string;
}

const unreachableHint = 'check the network, the proxy and `mirror:`; the lockfile was not touched';

const unparsable =
  /Problem with MergeList|package lists or status file could not be parsed|Unable to parse package file/;

/** What `apt-get update` says, the cause before its consequences: a refused signature also reads as a failed fetch. */
const updateSymptoms: Symptom[] = [
  {
    code: 'E_DISK_FULL',
    pattern: /No space left on device|Disk quota exceeded|not have enough free space|IO Error saving source cache/,
    hint: 'free space under the project’s .lockstep directory, then run again',
  },
  { code: 'E_BUSY', pattern: /Could not get lock/, hint: 'wait for it to end, or stop that process' },
  {
    code: 'E_APT_EXPIRED',
    pattern: /is expired \(invalid since|is not valid yet/,
    hint: 'check the clock where apt runs, then the mirror; `--allow-expired SUITE` takes it on your word; the lockfile was not touched',
  },
  {
    // apt goes on to call a suite unsigned whose InRelease it could not get.
    code: 'E_APT_UNREACHABLE',
    pattern: /Failed to fetch \S+Release +((?!404|410)[45]\d\d |Could not|Unable to connect|Connection |Temporary)/,
    hint: unreachableHint,
  },
  {
    // What is there under the name of a signed list is no signed text at all.
    code: 'E_APT_NOT_ARCHIVE',
    pattern: /does the network require authentication/,
    hint: 'open the address in a browser from where apt runs; check the network, the proxy and `mirror:`',
  },
  {
    code: 'E_APT_SIGNATURE',
    pattern:
      /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|ERRSIG|NODATA|NOSPLIT|signatures? (couldn't be verified|were invalid)|signature verification failed|is not signed|no longer signed|GPG error|Missing key/,
    hint: 'check the mirror, and update debian-archive-keyring where apt runs; the lockfile was not touched',
  },
  {
    code: 'E_APT_INCONSISTENT',
    pattern: /Mirror sync in progress|Hash Sum mismatch|has unexpected size|Hashes of expected file/,
    hint: 'the mirror is being updated: try again later, or name another one with `mirror:`',
  },
  {
    code: 'E_APT_BAD_INDEX',
    pattern: unparsable,
    hint: 'use another mirror, and tell whoever runs the archive; the lockfile was not touched',
  },
  {
    code: 'E_APT_NO_SUITE',
    pattern: /(404 +Not Found|File not found|410 +Gone).*(does not have|no longer has) a Release file/s,
    hint: 'correct `suites:` or `mirror:` of the image',
  },
  {
    code: 'E_APT_NO_SUITE',
    pattern: /doesn't support architecture|doesn't have the component/,
    hint: 'correct `suites:` or `arch:` of the image',
  },
  {
    code: 'E_APT_UNREACHABLE',
    pattern:
      /Could not (connect|resolve|handshake)|Unable to connect|Temporary failure|Connection (failed|timed out|refused|reset)|Failed to fetch|(does not have|no longer has) a Release file|^Err:/m,
    hint: unreachableHint,
  },
];

/** The error for an `apt-get update` that failed, wholly or in part. */
export function updateFailure(image: string, output: string): LockstepError {
  const symptom = updateSymptoms.find(({ pattern }) => pattern.test(output));
  const what = `image ${image}: ${reasons(output)}`;
  return new LockstepError(symptom?.code ?? 'E_APT_FAILED', what, { hint: symptom?.hint });
}

/**
 * Whether apt printed that something could not be fetched: older versions end with exit code 0 all the same, having
 * kept the lists of the last time.
 */
export function updateIsPartial(output: string): boolean {
  return /^(Err:|E: )|^W: .*(Failed to fetch|GPG error|old ones used|is not signed)|doesn't support architecture/m.test(
    output,
  );
}

/** The error for a solution that apt did not find, when every package exists. */
export function solveFailure(image: string, output: string): LockstepError {
  if (unparsable.test(output)) return updateFailure(image, output);
  const unmet = unmetDependencies(output);
  if (unmet.length > 0) {
    return new LockstepError('E_APT_UNSOLVABLE', `image ${image}: apt finds no solution:\n${unmet.join('\n')}`);
  }
  if (/held broken packages|Unmet dependencies|pkgProblemResolver/.test(output)) {
    return new LockstepError('E_APT_UNSOLVABLE', `image ${image}: apt finds no solution: ${reasons(output)}`);
  }
  const full = /No space left on device|Disk quota exceeded/.test(output);
  return new LockstepError(full ? 'E_DISK_FULL' : 'E_APT_FAILED', `image ${image}: ${reasons(output)}`);
}

/** What apt says of dependencies that it cannot fulfil, a line each. */
export function unmetDependencies(output: string): string[] {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => /unmet dependencies:|Unsatisfied dependencies:/i.test(line));
  if (start === -1) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !/^\s/.test(line));
  return rest.slice(0, end === -1 ? undefined : end).map((line) => line.replace(/^ /, '  '));
}

/** apt's own errors, else its warnings or notices, else its last lines; each once. */
function reasons(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const boilerplate = /Some index files failed to download|have been ignored, or old ones used/;
  for (const mark of ['E: ', 'W: ', 'N: ']) {
    const said = lines.filter((line) => line.startsWith(mark) && !boilerplate.test(line));
    if (said.length > 0) return [...new Set(said.map((line) => line.slice(mark.length)))].slice(0, 4).join('\n  ');
  }
  return lines.length === 0 ? 'apt failed without a word' : `apt said:\n  ${lines.slice(-8).join('\n  ')}`;
}
