import { formatBytes, formatElapsed } from '../progress/format.ts';
import { type Deployment, isDeployed } from '../testing/deployment.ts';
import { type CaseResult, casesOf, countCases, countsText, isFailure, type TestResult } from '../testing/results.ts';
import { html, type Markup } from './markup.ts';
import type { DeviceResult } from './result.ts';

/** One device: what became of the deployment, its tests with what they printed, and the files kept of it. */
export function deviceSection(device: DeviceResult): Markup {
  return html`<section class="card">
<h2>${device.name} <small>${device.image}${device.virtual && ', virtual'}</small> ${verdictBadge(device.deployment)}</h2>
${device.failure !== null && html`<div class="failure"><p><code>${device.failure.code}</code></p><pre>${device.failure.message}</pre></div>`}
${device.deployment !== null && deploymentPart(device.deployment)}
${device.tests.length > 0 && testsPart(device.tests)}
${device.notes.map((note) => html`<p class="note">${note}</p>`)}
${filesPart(device)}
</section>
`;
}

function verdictBadge(deployment: Deployment | null): Markup | null {
  if (deployment === null) return null;
  return html`<span class="badge ${isDeployed(deployment) ? 'ok' : 'failed'}">${deployment.verdict}</span>`;
}

function deploymentPart(deployment: Deployment): Markup {
  const steps = deployment.steps.map(
    (step) => html`<tr class="${step.ok ? 'passed' : 'failed'}">
<th scope="row">${step.name}</th><td>${step.detail}</td><td class="number">${formatElapsed(step.ms)}</td>
</tr>
`,
  );
  return html`${deployment.reason !== null && html`<p class="reason">${deployment.reason}</p>`}
<dl>
<dt>runs</dt><dd><code>${deployment.commit ?? 'unknown'}</code></dd>
${deployment.commit !== deployment.wanted && html`<dt>should run</dt><dd><code>${deployment.wanted}</code></dd>`}
<dt>sent</dt><dd>${formatBytes(deployment.bytesSent)} in ${formatElapsed(deployment.ms)}</dd>
</dl>
<h3>Deployment</h3>
<div class="scroll"><table class="steps"><tbody>
${steps}</tbody></table></div>`;
}

function testsPart(tests: readonly TestResult[]): Markup {
  return html`<h3>Tests <small>${countsText(countCases(tests.flatMap(casesOf)))}</small></h3>
<ul class="tests">
${tests.map(testItem)}</ul>`;
}

function testItem(test: TestResult): Markup {
  const heading = html`${status(test)} <span class="name">${test.name}</span> <span class="number">${formatElapsed(test.ms)}</span>`;
  const said = html`${test.message !== null && html`<p class="reason">${test.message}</p>`}${pointsPart(test.points)}${test.output !== '' && html`<pre>${test.output}</pre>`}`;
  if (said.text === '') return html`<li>${heading}</li>\n`;
  return html`<li><details${isFailure(test) && html` open`}><summary>${heading}</summary>${said}</details></li>\n`;
}

function pointsPart(points: readonly CaseResult[]): Markup | null {
  if (points.length === 0) return null;
  return html`<ul class="points">
${points.map((point) => html`<li>${status(point)} ${point.name}</li>\n`)}</ul>`;
}

function status(result: CaseResult): Markup {
  return html`<span class="badge ${result.status}">${result.status}</span>`;
}

function filesPart({ name, files }: DeviceResult): Markup | null {
  if (files.length === 0) return null;
  const items = files.map((file) => html`<li><a href="../devices/${urlPath(`${name}/${file}`)}">${file}</a></li>\n`);
  return html`<h3>Files</h3>
<ul class="files">
${items}</ul>`;
}

function urlPath(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}
