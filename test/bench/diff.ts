import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { report, timed } from './compare.ts';

export interface LockedProject {
  agent: string;
  /** A project whose only image, `panel`, has a lockfile; changelogs are read of the debs that its repository has. */
  dir: string;
}

/**
 * `lockstep diff` of a lockfile and one in which every package has an older revision: more than any update changes. Beside it, that
 * Node starts, which is the least that it can take.
 */
export async function benchDiff({ agent, dir }: LockedProject): Promise<void> {
  const [before, after] = ['before.lock', 'panel.lock'].map((name) => path.join(dir, name)) as [string, string];
  const text = await readFile(after, 'utf8');
  await writeFile(before, text.replace(/^(Version: .*-).*$/gm, '$10~'));
  let sources: { changelog: string }[] = [];
  const ours = await timed(5, async () => {
    const { stdout } = await execa('node', [agent, 'diff', before, after, '-C', dir, '--json'], { stdin: 'ignore' });
    sources = JSON.parse(stdout).images[0].sources;
  });
  const start = await timed(5, async () => void (await execa('node', ['--eval', '0'])));
  const read = sources.filter(({ changelog }) => changelog === 'whole' || changelog === 'cut').length;
  const count = text.match(/^Package: /gm)?.length;
  report(`diff, all of ${count} packages, ${read} changelogs`, ours, 'Node starts', start);
}
