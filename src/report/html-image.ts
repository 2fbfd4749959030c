import { formatElapsed } from '../progress/format.ts';
import { html, type Markup } from './markup.ts';
import type { ImageResult } from './result.ts';

/** What was built: commit and lockfile, which packages changed, where the time went. */
export function imageSection(image: ImageResult): Markup {
  return html`<section class="card">
<h2>${image.name} <small>${image.arch}</small></h2>
<dl>
<dt>commit</dt><dd><code>${image.commit}</code></dd>
<dt>ref</dt><dd><code>${image.ref}</code></dd>
<dt>lockfile</dt><dd><code>${image.lockDigest}</code></dd>
</dl>
${stages(image)}
${changes(image)}
</section>
`;
}

function stages({ stages: all }: ImageResult): Markup | null {
  if (all.length === 0) return null;
  const longest = Math.max(1, ...all.map(({ ms }) => ms));
  const rows = all.map(
    ({ name, ms, cached }) => html`<tr${cached && html` class="quiet"`}>
<th scope="row">${name}</th>
<td class="bar"><progress max="${longest}" value="${cached ? 0 : ms}">${formatElapsed(ms)}</progress></td>
<td class="number">${cached ? 'cached' : formatElapsed(ms)}</td>
</tr>
`,
  );
  return html`<h3>Stages</h3>
<table class="stages"><tbody>
${rows}</tbody></table>`;
}

function changes({ changes: all }: ImageResult): Markup {
  if (all.length === 0)
    return html`<p class="quiet">No package changed since the run before, as far as it is known.</p>`;
  const rows = all.map(
    (change) => html`<tr>
<th scope="row">${change.package}</th><td>${change.from ?? '–'}</td><td>${change.to ?? '–'}</td><td>${change.kind}</td>
</tr>
`,
  );
  return html`<details${all.length <= 25 && html` open`}>
<summary><h3>${all.length} changed package${all.length === 1 ? '' : 's'}</h3></summary>
<div class="scroll"><table>
<thead><tr><th scope="col">package</th><th scope="col">from</th><th scope="col">to</th><th scope="col"></th></tr></thead>
<tbody>
${rows}</tbody></table></div>
</details>`;
}
