import { expect } from 'chai';
import { chainEnd } from './fault.ts';
import { faultsPage } from './page.ts';
import type { Kept } from './record.ts';

describe('docs/faults.md', () => {
  const run = { machine: 'a machine', parts: false };
  const at = '2026-01-02T03:04:05Z';
  const played = (fault: string, next: string, seed = 7): Kept => {
    const rest = {
      seed,
      verdict: 'refused' as const,
      reason: null,
      drawn: null,
      seconds: 12.34,
      runs: 'old' as const,
    };
    return { fault, seed, at, played: { fault, next, ...rest } };
  };

  it('counts what was played and what came of it, and says what was not played', () => {
    const page = faultsPage(
      [7, 8].map((seed) => played('unsigned commit', 'deployed', seed)),
      run,
    );
    expect(page).to.match(
      /^\| unsigned commit \|.*\| `refused` × 2 \| 2 of 1 \| `deployed` × 2 \| 12\.3 s \| 60 s \|$/m,
    );
    expect(page).to.match(/^\| panics \|.*\| not played \| 0 of 1 \|/m);
    expect(page).not.to.include('chained').and.not.to.include('did not go');
  });

  it('tells what failed, and what was not followed by a deployment of its own', () => {
    const failure = { fault: 'panics', seed: 7, at, failure: 'never\nreturned' };
    const page = faultsPage([played('wrong signer', 'after others'), played(chainEnd, 'deployed'), failure], run);
    expect(page).to.match(/^\| wrong signer \|.*\*chained\*/m);
    expect(page).to.include('(1 of 1 did)');
    expect(page).to.match(/^\| panics \|.*\*\*failed × 1\*\*/m);
    expect(page).to.include('## What did not go as it must\n\n- panics (seed 7, 2026-01-02 03:04): never returned');
  });

  it('counts the last play of a seed, tells the failure before it, and says that it is made of parts', () => {
    const failure = { fault: 'panics', seed: 7, at: '2026-01-01T00:00:00Z', failure: 'late' };
    const page = faultsPage([failure, played('panics', 'deployed')], { ...run, parts: true });
    expect(page).to.match(/^\| panics \|.*\| `refused` \| 1 of 1 \|/m);
    expect(page).to.include('and did when it was played again\n\n- panics (seed 7, 2026-01-01 00:00): late');
    expect(page).to.include('in parts, which are put together here: from 2026-01-01 00:00 to 2026-01-02 03:04 (UTC)');
    expect(page).to.include('| 2026-01-01 00:00 | panics | 7 |  | **failed** |');
  });
});
