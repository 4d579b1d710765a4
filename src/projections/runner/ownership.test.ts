/** Runs share the partitions out without talking to each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownedPartitions } from './ownership.js';

const partitions = Array.from({ length: 16 }, (_, index) => `p${index}`);
const runs = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });

describe('ownership', () => {
  test('gives each partition to exactly one of the living runs', () => {
    fc.assert(
      fc.property(runs, (living) => {
        const owned = living.flatMap((self) => ownedPartitions(partitions, { self, living }));
        expect(owned.toSorted()).toEqual(partitions.toSorted());
      }),
    );
  });

  test('moves only what the run that left had', () => {
    fc.assert(
      fc.property(runs, (living) => {
        const [gone, ...rest] = living;
        for (const self of rest) {
          const before = ownedPartitions(partitions, { self, living });
          const after = ownedPartitions(partitions, { self, living: rest });
          expect(after).toEqual(expect.arrayContaining(before));
          const inherited = ownedPartitions(partitions, { self: gone ?? '', living });
          expect(after.filter((partition) => !before.includes(partition) && !inherited.includes(partition))).toEqual([]);
        }
      }),
    );
  });

  test('gives everything to a run that knows of no other, also before its first life sign', () => {
    expect(ownedPartitions(partitions, { self: 'a', living: [] })).toEqual(partitions);
  });
});
