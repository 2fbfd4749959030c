import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { SaxesParser } from 'saxes';
import { reportHtml, writeReport } from '../../src/report/html.ts';
import { escapeHtml, html } from '../../src/report/markup.ts';
import { commit, device, older, result } from './sample.ts';

const hostile = `<script>alert(1)</script>" onload="x' &amp; \x1b[31mred\x1b[0m\x00`;

/** Names of the elements and attributes of a page; throws when a tag is not closed where it should be. */
function elementsOf(page: string): { tags: Set<string>; attributes: Set<string> } {
  const tags = new Set<string>();
  const attributes = new Set<string>();
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => {
    tags.add(tag.name);
    for (const name of Object.keys(tag.attributes)) attributes.add(name);
  });
  // As XML needs it: void elements closed, attributes with values.
  const asXml = page
    .replace('<!doctype html>', '')
    .replace(/<(meta|link)([^>]*)>/g, '<$1$2/>')
    .replaceAll('<details open>', '<details open="">');
  parser.write(asXml).close();
  return { tags, attributes };
}

describe('the HTML report', () => {
  it('shows image, commit, lock digest, changes, stages, verdicts and what tests printed', () => {
    const page = reportHtml(result());
    for (const shown of [
      'panel',
      commit,
      'f00d'.repeat(16),
      'openssl',
      '3.0.17-1',
      'import',
      '6.3 s',
      'cached',
      'deployed',
      '300 objects',
      '1.2 MB',
      '10-uname',
      'armv7l',
      'exit code 4: no route',
      '1 passed, 1 failed, 1 skipped',
      '2 min 05 s',
      'E_TESTS_FAILED',
    ]) {
      expect(page, shown).to.include(shown);
    }
  });

  it('is static: no script, no inline style, nothing from elsewhere, and every tag closed', () => {
    const page = reportHtml(result());
    const { tags, attributes } = elementsOf(page);
    expect([...tags]).to.include.members(['html', 'progress', 'details', 'table']);
    expect([...tags]).not.to.include.members(['script']);
    expect([...tags]).not.to.include.members(['style']);
    expect([...attributes]).not.to.include.members(['style']);
    expect([...attributes].filter((name) => name.startsWith('on'))).to.deep.equal([]);
    expect(page).not.to.match(/style=|<script|<style|https?:|javascript:/i);
    expect(page).to.include('<link rel="stylesheet" href="report.css">');
  });

  it('escapes whatever a device, a package or a message says, in text and in attributes', () => {
    const base = result();
    const test = { name: hostile, status: 'failed' as const, ms: 1, message: hostile, output: hostile };
    const page = reportHtml({
      ...base,
      description: hostile,
      message: hostile,
      hint: hostile,
      images: [
        { ...base.images[0]!, name: hostile, commit: hostile, stages: [{ name: hostile, ms: 1, cached: false }] },
      ],
      devices: [
        device({
          name: hostile,
          image: hostile,
          tests: [{ ...test, points: [test] }],
          notes: [hostile],
          files: [hostile, '"><script>.png'],
          failure: { code: 'E_SSH_CUT', message: hostile },
        }),
      ],
    });
    const { tags, attributes } = elementsOf(page);
    expect([...tags]).not.to.include('script');
    expect([...attributes]).not.to.include('onload');
    expect(page).to.include('&lt;script&gt;alert(1)&lt;/script&gt;').and.not.include('\x1b').and.not.include('\x00');
  });

  it('opens what failed and leaves the rest closed', () => {
    const page = reportHtml(result());
    expect(page).to.match(
      /<li><details open><summary><span class="badge failed">failed<\/span> <span class="name">30-net/,
    );
    expect(page).to.match(
      /<li><details><summary><span class="badge passed">passed<\/span> <span class="name">10-uname/,
    );
  });

  it('links to files by addresses that survive their names', () => {
    expect(reportHtml(result())).to.include('href="../devices/virt-1/artifacts/a%20b%23c.png"');
  });

  it('tells which commit a device runs instead of the one it should', () => {
    const { deployment } = device();
    const rolledBack = {
      ...deployment!,
      verdict: 'rolled-back',
      reason: 'it rebooted into the old one',
      commit: older,
    };
    const page = reportHtml(result({ devices: [device({ deployment: rolledBack })] }));
    expect(page).to.include('<span class="badge failed">rolled-back</span>');
    expect(page).to.include('it rebooted into the old one').and.include(older).and.include('should run');
  });

  it('is written beside its stylesheet, whole', async () => {
    const run = await mkdtemp(path.join(tmpdir(), 'lockstep-report-'));
    try {
      expect(await writeReport(run, result())).to.equal(path.join(run, 'report/index.html'));
      expect((await readdir(path.join(run, 'report'))).sort()).to.deep.equal(['index.html', 'report.css']);
      const css = await readFile(path.join(run, 'report/report.css'), 'utf8');
      expect(css)
        .to.include('prefers-color-scheme: dark')
        .and.not.match(/url\(|@import/);
    } finally {
      await rm(run, { recursive: true });
    }
  });
});

describe('html templates', () => {
  it('escape values, and take nested markup and lists as they are', () => {
    const items = ['<a>', 'b'].map((text) => html`<li title="${text}">${text}</li>`);
    expect(html`<ul>${items}${null}${false}</ul>`.text).to.equal(
      '<ul><li title="&lt;a&gt;">&lt;a&gt;</li><li title="b">b</li></ul>',
    );
  });

  it('escape all five characters', () => {
    expect(escapeHtml(`&<>"'`)).to.equal('&amp;&lt;&gt;&quot;&#39;');
  });
});
