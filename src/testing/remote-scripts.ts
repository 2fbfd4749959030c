/** The shell scripts that run on the device: POSIX sh, coreutils and tar, nothing that a small image lacks. */

/**
 * $1: KiB that the tests need; $2 …: directories to choose from, best first. Prints the scratch directory that it made.
 * /run is memory and gone after a power cut, but it may be mounted noexec or be too small; then the next one is taken.
 * What a run left that lost the device more than a day ago goes.
 */
export const prepare = `
need=$1; shift
for base in "$@"; do
  [ -d "$base" ] || continue
  find "$base" -maxdepth 1 -name 'lockstep-tests.*' -mtime +0 -exec rm -rf {} + 2>/dev/null || true
  set -- $(df -Pk "$base" | tail -n 1)
  [ "$4" -gt "$need" ] || continue
  scratch=$(mktemp -d "$base/lockstep-tests.XXXXXXXX") || continue
  printf '#!/bin/sh\\n' >"$scratch/probe"
  chmod 700 "$scratch/probe"
  if "$scratch/probe" 2>/dev/null; then
    rm "$scratch/probe"
    mkdir "$scratch/tests" "$scratch/artifacts"
    printf '%s\\n' "$scratch"
    exit 0
  fi
  rm -rf "$scratch"
done
echo "no directory takes $need KiB and lets programs run" >&2
exit 1
`;

/** $1: scratch directory; stdin: the tests as tar. Times are the device's own: those of a tar may lie in its future. */
export const upload = 'tar -x -o -p -m -C "$1/tests" -f -';

/**
 * Ends whatever carries the mark in its environment. That finds what a process group does not: daemons that a test
 * left behind in sessions of their own. What a test asked the init system to start has no mark and stays.
 */
const sweep = `
sweep() {
  for attempt in 1 2 3 4 5; do
    marked=$(grep -ls "LOCKSTEP_TEST_MARK=$1" /proc/[0-9]*/environ | cut -d/ -f3) || true
    [ -n "$marked" ] || return 0
    kill -9 $marked 2>/dev/null || true
    sleep 0.1 2>/dev/null || sleep 1
  done
}`;

/**
 * $1: scratch directory; $2: limit in seconds; $3: bytes of output to keep; $4: the mark; $5: seconds from TERM
 * to KILL; $6: the test; $7 …: NAME=VALUE for its environment. Exits as the test did, 124 or 137 after the limit. The output ends only when the last
 * process that holds it does, so the sweep comes before its end is awaited.
 */
export const runOne = `${sweep}
scratch=$1 limit=$2 keep=$3 mark=$4 grace=$5 test=$6; shift 6
cd "$scratch/tests"
{
  code=0
  env "LOCKSTEP_TEST_MARK=$mark" "LOCKSTEP_ARTIFACTS=$scratch/artifacts" "$@" \\
    timeout -k "$grace" "$limit" "./$test" </dev/null 2>&1 || code=$?
  sweep "$mark"
  echo "$code" >"$scratch/code"
} 2>&1 | tail -c "$keep"
exit "$(cat "$scratch/code")"
`;

/** $1: scratch directory; $2: bytes at most. Prints the artifacts as base64 of a tar, cut at the bound. */
export const fetchArtifacts = 'cd "$1/artifacts"; tar -c -f - . | head -c "$2" | base64';

/** $1: scratch directory; $2: the mark. Ends what still runs of the tests and takes the directory away. */
export const clean = `${sweep}
sweep "$2"
rm -rf "$1"
`;

/** $1: bytes at most. Prints the journal of this boot, or of what there is without systemd. */
export const readJournal = `
if command -v journalctl >/dev/null; then journalctl -b --no-pager -o short-iso; else dmesg; fi | tail -c "$1"
`;
