import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatElapsed } from '../progress/format.ts';
import { resourceText } from '../resources.ts';
import { deviceSection } from './html-device.ts';
import { imageSection } from './html-image.ts';
import { html, type Markup } from './markup.ts';
import type { RunResult } from './result.ts';

const words: Record<RunResult['outcome'], string> = {
  ok: 'passed',
  unchanged: 'unchanged',
  unstable: 'tests failed',
  failed: 'failed',
};

/**
 * The report as one static page beside `report.css`: no script, no inline style, no image from elsewhere, since Jenkins
 * serves archived pages under a policy that forbids them.
 */
export function reportHtml(result: RunResult): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lockstep: ${result.description}</title>
<link rel="stylesheet" href="report.css">
</head>
<body>
<header class="top">
<p class="brand">lockstep</p>
<h1><span class="badge ${result.outcome}">${words[result.outcome]}</span> ${result.description}</h1>
<p class="meta">${when(result.startedAt)}, took ${formatElapsed(result.ms)}</p>
${failure(result)}
</header>
<main>
${result.images.map(imageSection)}
${result.devices.map((device) => deviceSection(device))}
</main>
<footer><p>All times are of the machine that ran lockstep, in UTC.</p></footer>
</body>
</html>
`;
  return page.text;
}

/** Writes `report/index.html` and its stylesheet into a run directory; returns the page's path. */
export async function writeReport(runDirectory: string, result: RunResult): Promise<string> {
  const directory = path.join(runDirectory, 'report');
  const page = path.join(directory, 'index.html');
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'report.css'), resourceText('report.css'));
  await writeFile(`${page}.tmp`, reportHtml(result));
  await rename(`${page}.tmp`, page);
  return page;
}

/** The first line of a message is the description, which is the title already. */
function failure({ code, message, hint, description }: RunResult): Markup | null {
  if (code === null) return null;
  const more = (message.startsWith(description) ? message.slice(description.length) : message).trim();
  return html`<div class="failure"><p><code>${code}</code></p>
${more !== '' && html`<pre>${more}</pre>`}
${hint !== null && html`<p>${hint}</p>`}</div>`;
}

function when(startedAt: string): Markup {
  const text = startedAt.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
  return html`<time datetime="${startedAt}">${text}</time>`;
}
