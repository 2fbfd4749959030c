import path from 'node:path';
import pLimit from 'p-limit';
import { EnvHttpProxyAgent, request } from 'undici';
import { LockstepError, redact } from '../errors/index.ts';
import type { Toolbox } from '../toolbox/toolbox.ts';
import { withoutCredentials } from './http-credentials.ts';
import { objectName } from './objects.ts';

/** Bounds on one question: a server that is down, a file system of the network that hangs. */
const connectMs = 5000;
const answerMs = 10_000;
const listMs = 30_000;

const questionsAtOnce = 16;

/**
 * Pulls from a URL that is read from the input: an argument would show its password to whoever lists processes. ostree reads it from the
 * repository's configuration, which has it while the pull runs and may be read by its owner alone meanwhile; what a pull that was
 * killed has left there is taken away by the next one.
 */
const pullScript = `repo=$1; shift
IFS= read -r url
forget() { sed -i '/^\\[remote "lockstep-cache"\\]$/,/^$/d' "$repo/config"; }
forget
mode=$(stat -c %a "$repo/config")
trap 'forget; chmod "$mode" "$repo/config"' EXIT
trap 'exit 143' TERM INT HUP
chmod go= "$repo/config"
umask 077
cp "$repo/config" "$repo/config.lockstep"
printf '[remote "lockstep-cache"]\nurl=%s\ngpg-verify=false\nsign-verify=false\n\n' "$url" >>"$repo/config.lockstep"
mv "$repo/config.lockstep" "$repo/config"
ostree pull --repo="$repo" "$@"`;

/** An ostree repository that several build repositories share: a path, or a URL that is only read. */
export class SharedRepo {
  readonly #toolbox: Toolbox;
  readonly #remote: string;
  readonly #signal: AbortSignal;

  constructor(toolbox: Toolbox, remote: string, signal: AbortSignal) {
    this.#toolbox = toolbox;
    this.#remote = remote;
    this.#signal = signal;
  }

  get #isPath(): boolean {
    return path.isAbsolute(this.#remote);
  }

  /** Those of the commits that are there. Throws where it cannot be asked. */
  async having(commits: readonly string[]): Promise<Set<string>> {
    const there = this.#isPath ? await this.#listed(commits) : await this.#asked(commits);
    return new Set(commits.filter((commit) => there.has(commit)));
  }

  /** Makes it unless it is there. */
  async make(): Promise<void> {
    await this.#toolbox.run(['mkdir', '-p', this.#remote], { timeoutMs: listMs });
    const argv = ['ostree', 'init', `--repo=${this.#remote}`, '--mode=archive'];
    await this.#toolbox.run(argv, { timeoutMs: listMs });
  }

  /**
   * Brings commits into a repository, each object held against its checksum on the way; no ref is made, the disk is not waited
   * for. Throws E_TOOL_FAILED, E_DISK_FULL.
   */
  async pull(repo: string, commits: readonly string[], timeoutMs: number): Promise<void> {
    const how = ['--untrusted', '--disable-fsync'];
    if (this.#isPath) {
      const argv = ['ostree', 'pull-local', `--repo=${repo}`, ...how, this.#remote, ...commits];
      await this.#toolbox.run(argv, { timeoutMs });
      return;
    }
    const options = [...how, '--disable-static-deltas', '--network-retries=1', 'lockstep-cache', ...commits];
    const argv = ['sh', '-euc', pullScript, 'sh', repo, ...options];
    await this.#toolbox.run(argv, { timeoutMs, input: `${this.#remote}\n` });
  }

  /** Puts refs there, with what they hold. */
  async push(repo: string, refs: readonly string[], timeoutMs: number): Promise<void> {
    await this.#toolbox.run(['ostree', 'pull-local', `--repo=${this.#remote}`, '--untrusted', repo, ...refs], {
      timeoutMs,
    });
  }

  /** By the toolbox, which alone can be told to leave off. */
  async #listed(commits: readonly string[]): Promise<Set<string>> {
    const script = 'cd "$1/objects"; while read -r name commit; do if [ -e "$name" ]; then echo "$commit"; fi; done';
    const input = commits.map((commit) => `${objectName(commit, 'commit')} ${commit}\n`).join('');
    const { stdout } = await this.#toolbox.run(['sh', '-euc', script, 'sh', this.#remote], {
      input,
      timeoutMs: listMs,
    });
    return new Set(stdout.split('\n'));
  }

  async #asked(commits: readonly string[]): Promise<Set<string>> {
    const agent = new EnvHttpProxyAgent({ connect: { timeout: connectMs } });
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const statusOf = async (name: string, method: 'GET' | 'HEAD') => {
      const { address, authorization } = withoutCredentials(`${this.#remote}/${name}`);
      const waits = { headersTimeout: answerMs, bodyTimeout: answerMs };
      const asked = { dispatcher: agent, method, headers: { 'user-agent': 'lockstep', ...authorization } };
      const { statusCode, body } = await request(address, { ...asked, ...waits, signal });
      await body.dump();
      return statusCode;
    };
    const limit = pLimit(questionsAtOnce);
    const has = async (commit: string) => (await statusOf(`objects/${objectName(commit, 'commit')}`, 'HEAD')) === 200;
    try {
      const status = await statusOf('config', 'GET');
      if (status !== 200) throw new Error(`it answers with status ${status}`);
      const answers = commits.map((commit) => limit(async () => ((await has(commit)) ? commit : '')));
      return new Set(await Promise.all(answers));
    } catch (error) {
      if (this.#signal.aborted) throw new LockstepError('E_INTERRUPTED', 'interrupted', { cause: error });
      throw new Error(redact((error as Error).message), { cause: error });
    } finally {
      stop.abort();
      await agent.destroy();
    }
  }
}
