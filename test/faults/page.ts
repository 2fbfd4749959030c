import type { Fault } from './fault.ts';
import type { Kept } from './record.ts';
import { faults } from './table.ts';

export interface Run {
  seed: number;
  machine: string;
  date: string;
}

/** docs/faults.md */
export function faultsPage(kept: readonly Kept[], { seed, machine, date }: Run): string {
  const rows = faults.map((fault) =>
    row(
      fault,
      kept.filter((one) => one.fault === fault.name),
    ),
  );
  const failures = kept.filter((one) => 'failure' in one);
  return `# Faults

Written by \`npm run test:faults\`, which plays each of these on a virtual ARMv7 device (QEMU, U-Boot), through a link and a
power supply that are in its hands. A power cut loses, by chance, what no flush had made certain. After each play the
device must run the old or the new commit, as seen past lockstep, and the next deployment must succeed with no more help
than the table names; a \`deployed\` that is not true fails the run.

Last run: ${date}, seed ${seed}; ${machine}.

| fault | what happens | verdict that must come | seen | played | longest | bound |
|---|---|---|---|---|---|---|
${rows.join('\n')}
${failures.length === 0 ? '' : `\n## What did not go as it must\n\n${failures.map(failureLine).join('\n')}\n`}`;
}

function row(fault: Fault, kept: readonly Kept[]): string {
  const played = kept.flatMap((one) => ('played' in one ? [one.played] : []));
  const verdicts = [...new Set(played.map(({ verdict }) => verdict))].sort();
  const seen = verdicts.map((verdict) => {
    const count = played.filter((one) => one.verdict === verdict).length;
    return played.length > 1 ? `\`${verdict}\` × ${count}` : `\`${verdict}\``;
  });
  const failed = kept.length - played.length;
  const longest = played.length === 0 ? '' : `${Math.max(...played.map(({ seconds }) => seconds)).toFixed(1)} s`;
  const cells = [
    fault.name,
    fault.what,
    fault.verdicts.map((verdict) => `\`${verdict}\``).join(', '),
    [...seen, ...(failed > 0 ? [`**failed × ${failed}**`] : [])].join(', ') || 'not played',
    `${kept.length} of ${fault.times}`,
    longest,
    `${fault.bound} s`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function failureLine(kept: Kept): string {
  return `- ${kept.fault}: ${'failure' in kept ? kept.failure.replace(/\s+/g, ' ').slice(0, 300) : ''}`;
}
