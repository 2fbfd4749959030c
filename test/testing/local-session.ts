import { spawn } from 'node:child_process';
import type { ScriptOptions, ScriptResult, TestSession } from '../../src/testing/session.ts';

/** The interface of a device's session, played by a shell of this machine: scripts, limits and tars are the real ones. */
export class LocalSession implements TestSession {
  alive = true;
  readonly scripts: string[] = [];

  async script(text: string, options: ScriptOptions = {}): Promise<ScriptResult> {
    if (!this.alive) throw new Error('the connection broke');
    this.scripts.push(text);
    const child = spawn('sh', ['-euc', text, 'sh', ...(options.args ?? [])], { stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    const exitCode = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`did not end in ${options.timeoutMs} ms`));
      }, options.timeoutMs ?? 60_000);
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
      });
    });
    const result = { exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
    if (options.check !== false && exitCode !== 0) throw new Error(`exit code ${exitCode}: ${result.stderr}`);
    return result;
  }
}
