/** Read models depend on what happened, not on how it was delivered: any interleaving of partitions, any batch cuts. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StoredEvent } from '../events/define.js';
import type { Database } from '../infra/database/port.js';
import { projections } from './index.js';
import { applyEvents } from './runner/apply.js';
import { checksum } from './runner/checksum.js';
import { liveTable } from './runner/fold.js';
import { placed } from './testing/events.js';
import { histories } from './testing/histories.js';
import { emptyStore, openStore, PARTITIONS } from './testing/store.js';

let db: Database;
beforeAll(async () => {
  db = await openStore();
});
afterAll(() => db.close());

/** Order within a partition stays; which partition comes next, and where a batch ends, is drawn. */
function delivered(events: readonly StoredEvent[], picks: readonly number[], cuts: readonly number[]): StoredEvent[][] {
  const partitions = [...new Set(events.map(({ partition }) => partition))];
  const queues = partitions.map((partition) => events.filter((event) => event.partition === partition));
  const batches: StoredEvent[][] = [[]];
  for (let index = 0; queues.some((queue) => queue.length > 0); index += 1) {
    const waiting = queues.filter((queue) => queue.length > 0);
    const queue = waiting[(picks[index % picks.length] ?? 0) % waiting.length] ?? [];
    const run = 1 + ((picks[(index * 7) % picks.length] ?? 0) % 5);
    for (const event of queue.splice(0, run)) {
      batches.at(-1)?.push(event);
      if ((batches.at(-1)?.length ?? 0) > (cuts[batches.length % cuts.length] ?? 0)) batches.push([]);
    }
  }
  return batches.filter((batch) => batch.length > 0);
}

async function checksumsAfter(batches: readonly StoredEvent[][]): Promise<Record<string, string>> {
  await emptyStore(db);
  for (const batch of batches) {
    const { parked } = await db.tx((tx) => applyEvents(tx, batch));
    expect(parked.map(({ error }) => error)).toEqual([]);
  }
  const found: Record<string, string> = {};
  for (const projection of projections) found[projection.name] = await checksum(db, projection, liveTable);
  return found;
}

const delivery = fc.record({
  picks: fc.array(fc.nat(1_000), { minLength: 5, maxLength: 40 }),
  cuts: fc.array(fc.nat(25), { minLength: 1, maxLength: 10 }),
});

test('shuffled partitions and other batch cuts give equal checksums', async () => {
  await fc.assert(
    fc.asyncProperty(histories(90), delivery, async (history, { picks, cuts }) => {
      const events = placed(history, PARTITIONS);
      const inOrder = await checksumsAfter([events]);
      expect(await checksumsAfter(delivered(events, picks, cuts))).toEqual(inOrder);
    }),
    { numRuns: 40 },
  );
});
