import { expect } from 'chai';
import { parseChangelog } from '../../../src/apt/changes/changelog.ts';
import type { DescribedChanges, DescribedSource } from '../../../src/apt/changes/described.ts';
import { changesMarkdown } from '../../../src/apt/changes/markdown.ts';
import { referencesOf } from '../../../src/apt/changes/references.ts';
import { changesText, missingNote } from '../../../src/apt/changes/text.ts';

const trailer = ' -- A Maintainer <a@example.org>  Mon, 24 Feb 2025 10:15:00 +0100\n';

function upgrade(source: string, changes: string, more: Partial<DescribedSource> = {}): DescribedSource {
  const text = `${source} (2.0-1) bookworm-security; urgency=high\n\n${changes}\n\n${trailer}`;
  const { entries } = parseChangelog(text);
  const versions = { from: '1.0-1', to: '2.0-1', kind: 'upgraded' } as const;
  const told = { changelog: 'whole', fetchable: false, note: null } as const;
  return { source, ...versions, packages: [source], ...told, ...referencesOf(entries), entries, ...more };
}

function described(...sources: DescribedSource[]): DescribedChanges {
  const changes = sources.flatMap(({ source, packages, from, to, kind }) =>
    packages.map((name) => {
      return { package: name, from, to, kind, source, size: { from: 1, to: 2 }, installedSize: { from: 1, to: 2 } };
    }),
  );
  const size = {
    download: { from: 1_000_000, to: 2_000_000 },
    installed: { from: 2_000, to: 3_500 },
    new: 1_234_567,
  };
  return { changes, sources, size };
}

describe('changes described for a terminal', () => {
  it('say per source the versions, urgency, CVE ids and bugs, and what the changelog says', () => {
    const openssl = upgrade('openssl', '  * Fix CVE-2025-0001.\n    (Closes: #1100001)', {
      packages: ['libssl3', 'openssl'],
    });
    const gone = upgrade('gone', '', {
      to: null,
      kind: 'removed',
      entries: [],
      urgency: null,
      changelog: 'not-needed',
    });
    expect(changesText('panel', described(openssl, gone))).to.equal(
      [
        'panel: 3 packages: 2 upgraded, 1 removed; 1.2 MB to download; installed size +1.5 kB',
        '  openssl 1.0-1 -> 2.0-1: libssl3, openssl',
        '    urgency high; CVE-2025-0001; Debian bug 1100001',
        '      2.0-1 (bookworm-security, 24 Feb 2025)',
        '        * Fix CVE-2025-0001.',
        '          (Closes: #1100001)',
        '  gone 1.0-1 removed',
      ].join('\n'),
    );
  });

  it('hand no control character of a changelog to the terminal', () => {
    const text = changesText('panel', described(upgrade('evil', '  * \u001b[2J\u0007gone\u202e')));
    expect(text)
      .to.contain('[2Jgone')
      .and.to.not.match(/[\u001b\u0007\u202e]/);
  });

  it('cut a changelog without end, and say what was taken back by a downgrade', () => {
    const long = upgrade('long', Array.from({ length: 500 }, (_, line) => `  * ${line}`).join('\n'));
    expect(changesText('panel', described(long)).split('\n').at(-1)).to.match(/… 381 more lines/);
    const back = upgrade('back', '  * Fix CVE-2025-0001', { kind: 'downgraded' });
    expect(changesText('panel', described(back))).to.contain('takes back CVE-2025-0001');
  });

  it('cut a line without end', () => {
    const text = changesText('panel', described(upgrade('wide', `  * ${'x'.repeat(100_000)}`)));
    expect(text.length).to.be.lessThan(1000);
  });

  it('say how to have the changelogs that are not here', () => {
    const away = upgrade('away', '', { entries: [], changelog: 'not-here', fetchable: true });
    expect(missingNote([away, away]))
      .to.contain('2 sources')
      .and.to.contain('lockstep diff --fetch');
    expect(missingNote([upgrade('here', '  * x')])).to.equal(null);
  });
});

describe('changes described for a merge request', () => {
  const titled = (...sources: DescribedSource[]) => [{ title: 'panel', ...described(...sources) }];

  it('are a list of sources, then their changelogs, those with CVE ids first', () => {
    const [a, b] = [upgrade('a', '  * x'), upgrade('b', '  * CVE-2025-0001')];
    const text = changesMarkdown(titled(a, b));
    expect(text).to.contain('### panel\n\n2 packages: 2 upgraded; 1.2 MB to download; installed size +1.5 kB\n\n');
    expect(text).to.contain('- `b` `1.0-1` → `2.0-1`; urgency high; CVE-2025-0001\n');
    expect(text.indexOf('#### `b`')).to.be.within(1, text.indexOf('#### `a`'));
    expect(text).to.contain('```text\n 2.0-1 (bookworm-security, 24 Feb 2025)\n   * x\n```');
  });

  it('hold nothing of a changelog that a forge would act on', () => {
    const hostile = [
      '  * Closes: #1, GH-2, thanks @somebody [skip ci]',
      '  * Fixes: https://forge.example.org/a/b/issues/1',
      '  ```',
      '  # <img src=x> ',
      '  /merge',
    ];
    const text = changesMarkdown(titled(upgrade('x', hostile.join('\n'))));
    expect(text).to.not.match(/#\d|GH-\d|(^|\s)@\w|\[skip ci\]|Fixes: https:\/|^\/|^#+ </m);
    const [, fence = '', inside = ''] = /(`{3,})text\n([\s\S]*)\n\1$/.exec(text) ?? [];
    expect(fence).to.equal('````');
    expect(inside).to.contain('<img');
  });

  it('stay below what forges take, and say what was left out', () => {
    const long = Array.from({ length: 200 }, (_, line) => `  * ${line} ${'x'.repeat(60)}`).join('\n');
    const sources = Array.from({ length: 40 }, (_, index) => upgrade(`source-${index}`, long));
    const text = changesMarkdown(titled(...sources));
    expect(text.length).to.be.within(20_000, 30_000);
    expect(text).to.match(/The changelogs of \d+ more sources are too long for here/);
    for (const { source } of sources) expect(text).to.contain(`\`${source}\``);
  });
});
