/** Which run of the product reads which partition: a hint that every run works out alike, without asking anybody. */
import { hash } from 'node:crypto';

/** The process runs that live, as far as this one knows. */
export interface Owners {
  /** This process's run. */
  readonly self: string;
  readonly living: readonly string[];
}

/**
 * Rendezvous hashing: each partition goes to the run with the highest hash, so a run that comes or goes moves only
 * its own. `self` counts as living even before its first life sign.
 */
export function ownedPartitions(partitions: readonly string[], { self, living }: Owners): string[] {
  const runs = new Set([...living, self]);
  return partitions.filter((partition) => {
    const mine = rank(self, partition);
    for (const run of runs) if (run !== self && rank(run, partition) > mine) return false;
    return true;
  });
}

function rank(run: string, partition: string): string {
  return hash('sha256', `${run}\n${partition}`, 'hex');
}
