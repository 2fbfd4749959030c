import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';

/** The licences of the packages that a bundle holds, as one comment: they ask to travel with every copy. */
export async function notices(projectRoot: string, { inputs }: Metafile): Promise<string> {
  const directories = new Set(Object.keys(inputs).flatMap(packageDirectory));
  const holders = new Map<string, string[]>();
  for (const directory of [...directories].sort()) {
    const { name, text } = await licenceOf(path.join(projectRoot, directory));
    holders.set(text, [...(holders.get(text) ?? []), name]);
  }
  const sections = [...holders].map(([text, names]) => `${names.join(', ')}\n\n${text}`);
  return `/*\nThis file holds these packages, under these licences:\n\n${sections.join('\n\n----\n\n')}\n*/\n`;
}

/** The folder of the innermost package that a file belongs to; none for the project's own. */
function packageDirectory(input: string): string[] {
  const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input.replace(/^[^:]*:/, ''));
  return match?.[1] === undefined ? [] : [match[1]];
}

async function licenceOf(directory: string): Promise<{ name: string; text: string }> {
  const manifest = JSON.parse(await readFile(path.join(directory, 'package.json'), 'utf8')) as Record<string, string>;
  const file = (await readdir(directory)).sort().find((name) => /^licen[sc]e(\.|$)/i.test(name));
  const text = file === undefined ? `License: ${manifest.license}` : await readFile(path.join(directory, file), 'utf8');
  return { name: `${manifest.name} ${manifest.version}`, text: text.trim().replaceAll('*/', '* /') };
}
