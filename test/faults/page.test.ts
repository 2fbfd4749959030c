import { expect } from 'chai';
import { chainEnd } from './fault.ts';
import { faultsPage } from './page.ts';
import type { Kept } from './record.ts';

describe('docs/faults.md', () => {
  const run = { seed: 7, machine: 'a machine', date: '2026-01-02' };
  const at = '2026-01-02T03:04:05Z';
  const played = (fault: string, next: string): Kept => {
    const rest = {
      seed: 7,
      verdict: 'refused' as const,
      reason: null,
      drawn: null,
      seconds: 12.34,
      runs: 'old' as const,
    };
    return { fault, at, played: { fault, next, ...rest } };
  };

  it('counts what was played and what came of it, and says what was not played', () => {
    const page = faultsPage([played('unsigned commit', 'deployed'), played('unsigned commit', 'deployed')], run);
    expect(page).to.match(
      /^\| unsigned commit \|.*\| `refused` × 2 \| 2 of 1 \| `deployed` × 2 \| 12\.3 s \| 60 s \|$/m,
    );
    expect(page).to.match(/^\| panics \|.*\| not played \| 0 of 1 \|/m);
    expect(page).not.to.include('chained').and.not.to.include('did not go');
  });

  it('tells what failed, and what was not followed by a deployment of its own', () => {
    const failure = { fault: 'panics', at, failure: 'never\nreturned' };
    const page = faultsPage([played('wrong signer', 'after others'), played(chainEnd, 'deployed'), failure], run);
    expect(page).to.match(/^\| wrong signer \|.*\*chained\*/m);
    expect(page).to.include('(1 of 1 did)');
    expect(page).to.match(/^\| panics \|.*\*\*failed × 1\*\*/m);
    expect(page).to.include('- panics: never returned');
  });
});
