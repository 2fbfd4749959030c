import { expect } from 'chai';
import type { ChangeKind } from '../../src/apt/changes/diff.ts';
import { commitMessage } from '../../src/refresh/message.ts';

const change = (name: string, kind: ChangeKind, from: string | null, to: string | null) => ({
  package: name,
  kind,
  from,
  to,
});
const image = (name: string, ...changes: ReturnType<typeof change>[]) => ({ name, lockfile: `/${name}.lock`, changes });

describe('commitMessage', () => {
  it('counts by kind, upgrades first, and lists each package', () => {
    const panel = image(
      'panel',
      change('c', 'removed', '3', null),
      change('b', 'added', null, '2'),
      change('a', 'upgraded', '1', '1.1'),
      change('d', 'upgraded', '4', '4.1'),
    );
    expect(commitMessage([panel])).to.equal(
      'Refresh panel: 2 upgraded, 1 added, 1 removed\n\n- c 3 (removed)\n- b 2 (added)\n- a 1 -> 1.1\n- d 4 -> 4.1\n',
    );
  });

  it('heads each list with its image when several changed, and leaves out those that did not', () => {
    const message = commitMessage([
      image('panel', change('a', 'upgraded', '1', '2')),
      image('still'),
      image('gateway', change('b', 'added', null, '1')),
    ]);
    expect(message).to.equal(
      'Refresh panel, gateway: 1 upgraded, 1 added\n\npanel:\n- a 1 -> 2\n\ngateway:\n- b 1 (added)\n',
    );
  });

  it('says so when the bytes changed but no version did', () => {
    expect(commitMessage([image('panel')])).to.equal('Refresh panel: same versions, new metadata\n');
  });

  it('tells changelogs where they are known, in Markdown of which git takes no line for a comment', () => {
    const entry = { source: 'a', version: '1.1', distributions: ['sid'], urgency: 'high', binaryOnly: false };
    const said = { ...entry, maintainer: null, date: null, changes: '  * Fix CVE-2025-0001 (Closes: #12).' };
    const told = { cves: ['CVE-2025-0001'], bugs: [12], urgency: 'high' as const, entries: [said], packages: ['a'] };
    const state = { changelog: 'whole' as const, fetchable: false, note: null, kind: 'upgraded' as const };
    const panel = {
      ...image('panel', change('a', 'upgraded', '1', '1.1')),
      sources: [{ source: 'a', from: '1', to: '1.1', ...told, ...state }],
      size: { download: { from: 1, to: 2 }, installed: { from: 1, to: 1 }, new: 2000 },
    };
    expect(commitMessage([panel, image('still')])).to.equal(
      [
        'Refresh panel: 1 upgraded\n',
        '**panel**\n',
        '1 package: 1 upgraded; 2.0 kB to download\n',
        '- `a` `1` → `1.1`; urgency high; CVE-2025-0001; Debian bug 12\n',
        '**`a`, since `1`**\n',
        '```text\n 1.1 (sid)\n   * Fix CVE-2025-0001 (Closes: 12).\n```\n',
      ].join('\n'),
    );
  });
});
