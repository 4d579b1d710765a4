/** The log in Redis under random histories of lost lines, lost replies, lost tails, emptied servers and restarts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { startTestProxy, type TestProxy } from '../../infra/redis/testing/proxy.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { createTestSnapshots, type TestSnapshots } from '../../infra/redis/testing/snapshot.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { exampleEvent } from './contract.js';
import { openRedisLog, type RedisLog } from './redis.js';
import { createTestArchive } from './testing/archive.js';

const ids = createIds(systemClock);

type Step =
  | { readonly kind: 'append'; readonly key: number; readonly count: number; readonly wait: boolean }
  | { readonly kind: 'archive'; readonly limit: number; readonly publish: boolean }
  | { readonly kind: 'cut' | 'lose replies' | 'mend' | 'snapshot' | 'roll back' | 'empty' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      key: fc.integer({ min: 0, max: 3 }),
      count: fc.integer({ min: 1, max: 8 }),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('archive' as const), limit: fc.integer({ min: 1, max: 12 }), publish: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('cut', 'lose replies', 'mend', 'snapshot', 'roll back', 'empty', 'restart') }),
  },
);

describe('the log in Redis over any history', () => {
  let server: TestRedis;
  let proxy: TestProxy;
  let snapshots: TestSnapshots;
  beforeAll(async () => {
    server = await startTestRedis();
    proxy = await startTestProxy(server.port);
    snapshots = createTestSnapshots(server.port);
  });
  afterAll(async () => {
    snapshots.close();
    await proxy.stop();
    await server.stop();
  });

  it('has every acknowledged event archived once, in the order of its producer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
        const archive = createTestArchive();
        await snapshots.empty();
        await snapshots.take();
        const open = (): Promise<RedisLog> =>
          openRedisLog({
            url: proxy.url,
            partitions: 2,
            dir,
            src: ids.short(),
            clock: systemClock,
            retentionHours: 1,
            closeWaitMs: 0,
            ringBytes: 12_000,
            segmentBytes: 4_000,
            storedProgress: () => archive.progress(),
          });
        let log = await open();
        let run = 0;
        const appended = new Map<string, string[]>();
        const acknowledging: Promise<unknown>[] = [];
        // Memory is tiny here: a burst may be refused, and what is refused need not be archived.
        const refused = new Set<string>();
        try {
          for (const each of steps) {
            switch (each.kind) {
              case 'append': {
                // Order is promised within a run: what a dead one left goes along with what the next one appends.
                const key = `${run}-${each.key}`;
                const events = Array.from({ length: each.count }, () => exampleEvent(key));
                appended.set(key, [...(appended.get(key) ?? []), ...events.map(({ id }) => id)]);
                const all = Promise.all(events.map((event) => log.append(event).catch(() => refused.add(event.id))));
                acknowledging.push(all);
                if (each.wait) await all;
                break;
              }
              case 'archive':
                await archive.step(log, each);
                break;
              case 'cut':
                proxy.refuse();
                break;
              case 'lose replies':
                proxy.loseReplies();
                break;
              case 'mend':
                proxy.drop();
                proxy.resume();
                break;
              case 'snapshot':
                await snapshots.take();
                break;
              case 'roll back':
                await snapshots.goBack();
                break;
              case 'empty':
                await snapshots.empty();
                break;
              case 'restart':
                await log.close();
                proxy.drop();
                proxy.resume();
                log = await open();
                run += 1;
                break;
            }
          }
          proxy.drop();
          proxy.resume();
          await Promise.all(acknowledging);
          await until('an empty backlog', async () => {
            while ((await archive.step(log)) > 0);
            return log.backlog().events === 0 ? true : undefined;
          });
          for (const [key, expected] of appended) {
            const archived = archive.entries.filter(({ event }) => event.partitionkey === key).map(({ event }) => event.id);
            expect(archived).toEqual(expected.filter((id) => !refused.has(id) || archived.includes(id)));
          }
        } finally {
          await log.close();
          proxy.resume();
          await rm(dir, { recursive: true, force: true });
        }
      }),
      { numRuns: 12 },
    );
  });
});
