import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../../errors/index.ts';
import type { Toolbox } from '../../toolbox/toolbox.ts';
import type { DeviceFiles } from './files.ts';

/** One command of qemu's control protocol (QMP). */
export interface Command {
  execute: string;
  arguments?: Record<string, unknown>;
}

// The socket is root's where qemu runs in a container, so it is spoken to in the toolbox, by what every Debian has.
// Events, which come between answers, are left out.
const client = `
use strict;
use IO::Socket::UNIX;
chdir shift or die "no such directory\\n";
my $socket = IO::Socket::UNIX->new(Peer => shift) or die "qemu does not answer on its control socket: $!\\n";
$socket->autoflush(1);
$| = 1;
sub answer {
  while (my $line = <$socket>) { return $line if $line =~ /^\\{"(?:QMP|return|error|id)"/ }
  die "qemu closed its control socket\\n";
}
answer();
for my $command ('{"execute":"qmp_capabilities"}', @ARGV) {
  print $socket "$command\\n";
  print answer();
}`;

/** Gives qemu commands, one after the other, and returns its answers. Throws E_TOOL_FAILED with qemu's words. */
export async function control(toolbox: Toolbox, files: DeviceFiles, commands: Command[]): Promise<unknown[]> {
  const lines = commands.map((command) => JSON.stringify(command));
  const argv = ['perl', '-e', client, files.dir, path.basename(files.control), ...lines];
  const { stdout } = await toolbox.run(argv, { timeoutMs: 60_000 });
  const answers = stdout.trim().split('\n').slice(1);
  return commands.map((command, index) => resultOf(command, answers[index] ?? '{}'));
}

function resultOf(command: Command, line: string): unknown {
  const answer = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
  if (answer.return !== undefined) return answer.return;
  throw new LockstepError(
    'E_TOOL_FAILED',
    `qemu refuses ${command.execute}: ${answer.error?.desc ?? 'without a word'}`,
  );
}

/**
 * Asks qemu again and again until `settled` says of its answer that it is the one waited for; bounded.
 * What `settled` throws ends it.
 */
export async function untilStatus(
  toolbox: Toolbox,
  files: DeviceFiles,
  execute: 'query-status' | 'query-migrate',
  settled: (status: string) => boolean,
): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const [answer] = (await control(toolbox, files, [{ execute }])) as { status?: string }[];
    const status = answer?.status ?? 'none';
    if (settled(status)) return;
    if (performance.now() > deadline) {
      throw new LockstepError('E_TOOL_FAILED', `qemu did not get anywhere in 60 s: ${execute} says ${status}`);
    }
    await sleep(50);
  }
}
