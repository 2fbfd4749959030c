import { afterOthers, chainEnd, type Fault } from './fault.ts';
import type { Kept } from './record.ts';
import { faults } from './table.ts';

export interface Run {
  machine: string;
  /** The plays are those of several runs. */
  parts: boolean;
}

/** docs/faults.md */
export function faultsPage(kept: readonly Kept[], { machine, parts }: Run): string {
  const counting = kept.filter((one) => one === lastOf(kept, one));
  const rows = faults.map((fault) =>
    row(
      fault,
      counting.filter((one) => one.fault === fault.name),
    ),
  );
  const ends = counting.filter((one) => one.fault === chainEnd);
  const chained = counting.some((one) => 'played' in one && one.played.next === afterOthers);
  return `# Faults

Written by \`npm run test:faults\`, which plays each of these on a virtual ARMv7 device (QEMU, U-Boot), through a link and a
power supply that are in its hands. A power cut loses, by chance, what no flush had made certain. After each play the
device must run the old or the new commit, as seen past lockstep, and the next deployment (which waits for the device's
lock if it has to, as \`--wait-lock 90s\` does) must succeed with no more help than the table names; a \`deployed\` that is not true fails the run.

${whenPlayed(kept, parts)}; ${machine}.

${chained ? `${chainNote(ends)}\n\n` : ''}| fault | what happens | verdict that must come | seen | played | then | longest | bound |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
${section('What did not go as it must', failures(kept, false).map(failureLine))}${section('What did not go as it must, and did when it was played again', failures(kept, true).map(failureLine))}
## Plays

| when | fault | seed | what was drawn | verdict | until then | ran then |
|---|---|---|---|---|---|---|
${kept.map(playLine).join('\n')}
`;
}

/** Of plays of one fault with one seed the last one counts. */
function lastOf(kept: readonly Kept[], { fault, seed }: Kept): Kept | undefined {
  return kept.findLast((one) => one.fault === fault && one.seed === seed);
}

function isFailure(one: Kept): one is Kept & { failure: string } {
  return 'failure' in one;
}

/** @param mended those that went well the last time they were played */
function failures(kept: readonly Kept[], mended: boolean): (Kept & { failure: string })[] {
  return kept.filter(isFailure).filter((one) => 'played' in (lastOf(kept, one) ?? one) === mended);
}

function section(title: string, lines: string[]): string {
  return lines.length === 0 ? '' : `\n## ${title}\n\n${lines.join('\n')}\n`;
}

function whenPlayed(kept: readonly Kept[], parts: boolean): string {
  const times = kept.map(({ at }) => minute(at)).sort();
  const [from, to] = [times[0] ?? 'never', times.at(-1) ?? 'never'];
  const how = parts ? 'Played in parts, which are put together here' : 'Last run';
  return `${how}: ${from === to ? from : `from ${from} to ${to}`} (UTC)`;
}

/** `2026-01-02 03:04` */
function minute(at: string): string {
  return at.slice(0, 16).replace('T', ' ');
}

function playLine(one: Kept): string {
  const played = 'played' in one ? one.played : null;
  const went = played === null ? ['**failed**', '', ''] : [`\`${played.verdict}\``, seconds(played), played.runs];
  return `| ${[minute(one.at), one.fault, one.seed, played?.drawn ?? '', ...went].join(' | ')} |`;
}

function seconds(played: { seconds: number }): string {
  return `${played.seconds.toFixed(1)} s`;
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

function failureLine({ fault, seed, at, failure }: Kept & { failure: string }): string {
  return `- ${fault} (seed ${seed}, ${minute(at)}): ${failure.replace(/\s+/g, ' ').slice(0, 300)}`;
}
