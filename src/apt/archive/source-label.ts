import { createHash } from 'node:crypto';
import type { AptSource } from './apt-source.ts';

/**
 * The label by which apt tells a suite of a further repository from all others: it cannot pin by address, and what
 * repositories say of themselves need not be unique.
 */
export function sourceLabel({ base, suite }: Pick<AptSource, 'base' | 'suite'>): string {
  return `lockstep-${createHash('sha256').update(`${base} ${suite}`).digest('hex').slice(0, 12)}`;
}
