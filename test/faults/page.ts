import { afterOthers, chainEnd, type Fault } from './fault.ts';
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
  const ends = kept.filter((one) => one.fault === chainEnd);
  const chained = kept.some((one) => 'played' in one && one.played.next === afterOthers);
  return `# Faults

Written by \`npm run test:faults\`, which plays each of these on a virtual ARMv7 device (QEMU, U-Boot), through a link and a
power supply that are in its hands. A power cut loses, by chance, what no flush had made certain. After each play the
device must run the old or the new commit, as seen past lockstep, and the next deployment must succeed with no more help
than the table names; a \`deployed\` that is not true fails the run.

Last run: ${date}, seed ${seed}; ${machine}.

${chained ? `${chainNote(ends)}\n\n` : ''}| fault | what happens | verdict that must come | seen | played | then | longest | bound |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
${failures.length === 0 ? '' : `\n## What did not go as it must\n\n${failures.map(failureLine).join('\n')}\n`}`;
}

function chainNote(ends: readonly Kept[]): string {
  const well = ends.filter((one) => 'played' in one).length;
  const seen = ends.length === 0 ? 'not seen to its end in this run' : `${well} of ${ends.length} did`;
  return `Plays that are marked *chained* were not followed by a deployment each, and had one boot on trial: they ran one after
the other on a device, with a deployment that had to succeed at the end (${seen}).`;
}

function row(fault: Fault, kept: readonly Kept[]): string {
  const played = kept.flatMap((one) => ('played' in one ? [one.played] : []));
  const seen = counted(played.map(({ verdict }) => `\`${verdict}\``));
  const failed = kept.length - played.length;
  const longest = played.length === 0 ? '' : `${Math.max(...played.map(({ seconds }) => seconds)).toFixed(1)} s`;
  const cells = [
    fault.name,
    fault.what,
    fault.verdicts.map((verdict) => `\`${verdict}\``).join(', '),
    [seen, failed > 0 ? `**failed × ${failed}**` : ''].filter((text) => text !== '').join(', ') || 'not played',
    `${kept.length} of ${fault.times}`,
    counted(played.map(({ next }) => (next === afterOthers ? '*chained*' : `\`${next}\``))),
    longest,
    `${fault.bound} s`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** `a × 2, b` */
function counted(words: string[]): string {
  const distinct = [...new Set(words)].sort();
  const told = distinct.map((word) => {
    const count = words.filter((other) => other === word).length;
    return count === 1 ? word : `${word} × ${count}`;
  });
  return told.join(', ');
}

function failureLine(kept: Kept): string {
  return `- ${kept.fault}: ${'failure' in kept ? kept.failure.replace(/\s+/g, ' ').slice(0, 300) : ''}`;
}
