/** Ingest from real Redis Streams: what foreigners write there, a Redis that lost everything, and a node frozen amid its transaction. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../tests/support/until.js';
import type { EventLog } from '../../events/log/port.js';
import { openRedisLog, type RedisLog } from '../../events/log/redis.js';
import { type Database, sql } from '../../infra/database/port.js';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { used } from '../testing/events.js';
import { openStore, PARTITIONS } from '../testing/store.js';
import { type Ingest, startIngest } from './ingest.js';
import { ownedPartitions } from './ownership.js';
import { readCursors, storedWatermarks, unarchivedIn } from './progress.js';
import { verifyProjections } from './verify.js';

const ids = createIds(systemClock);
const logger = pino({ level: 'silent' });
let server: TestRedis;
let redis: RedisConnection;
let db: Database;
let dir: string;
let living: string[];
let watchers: RedisLog[];
let nodes: { log: RedisLog; ingest: Ingest }[];

beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});
beforeEach(async () => {
  await redis.command('FLUSHALL');
  db = await openStore();
  dir = await mkdtemp(join(tmpdir(), 'kg-ingest-'));
  living = [];
  nodes = [];
  watchers = [];
});
afterEach(async () => {
  await Promise.all(nodes.map(({ ingest }) => ingest.close()));
  await Promise.all([...nodes.map(({ log }) => log.close()), ...watchers.map((log) => log.close())]);
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

async function node(database: Database = db, self = ids.short()) {
  living.push(self);
  const storedProgress = (): ReturnType<typeof storedWatermarks> => storedWatermarks(db, systemClock.now());
  const spec = { url: server.url, partitions: PARTITIONS, dir, src: self, clock: systemClock, retentionHours: 24, closeWaitMs: 0 };
  const log = await openRedisLog({ ...spec, storedProgress });
  const ingest = startIngest({ db: database, log, clock: systemClock, logger, maxPauseMs: 100, owners: () => ({ self, living }) });
  const made = { log, ingest };
  nodes.push(made);
  return made;
}

/** Reads beside the nodes, and archives nothing. */
async function watcher(): Promise<{ log: RedisLog }> {
  const spec = { url: server.url, partitions: PARTITIONS, dir, src: ids.short(), clock: systemClock, retentionHours: 24, closeWaitMs: 0 };
  const log = await openRedisLog({ ...spec, storedProgress: () => storedWatermarks(db, systemClock.now()) });
  watchers.push(log);
  return { log };
}

/** Two runs of which each owns a partition: one pair in sixteen leaves all to one. */
function bothOwning(): [string, string] {
  const pair: [string, string] = [ids.short(), ids.short()];
  const partitions = Array.from({ length: PARTITIONS }, (_, index) => `p${index}`);
  return pair.every((self) => ownedPartitions(partitions, { self, living: pair }).length > 0) ? pair : bothOwning();
}

const append = (log: RedisLog, count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => log.append(used({ tokenId: `t${index % 13}`, id: ids.uuid() }))));
const archived = async (): Promise<number | undefined> =>
  (await db.query<{ n: number }>(sql`select count(*) as n from archive where type = 'kirogate.token.used'`))[0]?.n;
const once = async (count: number): Promise<void> => {
  await until(`${count} events in the archive`, async () => ((await archived()) === count ? true : undefined));
  expect(await db.query(sql`select sum(requests) as n from user_total`)).toMatchObject([{ n: count }]);
  expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
};

describe('ingest from Redis', () => {
  test('archives what several nodes append, each event once, and leaves nothing waiting', async () => {
    const [a, b] = [await node(), await node()];
    await Promise.all([append(a.log, 150), append(b.log, 150)]);
    await Promise.all([a.ingest.idle(), b.ingest.idle()]);
    await once(300);
    expect(await unarchivedIn(a.log, db, 10)).toEqual(new Map());
  });

  test('counts an unknown type, parks an unknown version and what is no event, and goes on', async () => {
    const { log, ingest } = await node();
    await log.append({ ...used({ id: ids.uuid() }), type: 'kirogate.token.teleported' });
    await log.append({ ...used({ id: ids.uuid() }), dataversion: 99 });
    await redis.command('XADD', 'kirogate:{p0}:events', '*', 'hello', 'world');
    await append(log, 5);
    await ingest.idle();
    await until('the foreign entry', async () =>
      (await db.query(sql`select 1 from parked_events where reason = 'unreadable'`)).length > 0 ? true : undefined,
    );
    expect(ingest.status().unknownTypes).toBe(2);
    expect(
      await db.query(sql`select distinct projection, reason from parked_events where projection in ('use', 'event-log') order by 1`),
    ).toEqual([
      { projection: 'event-log', reason: 'unreadable' },
      { projection: 'use', reason: 'unknown_version' },
    ]);
    expect(await db.query(sql`select sum(requests) as n from user_total`)).toMatchObject([{ n: 5 }]);
  });

  test('goes on behind a number that is missing, ends, and tells the age of what waits, not of what was archived', async () => {
    const first = await node();
    await append(first.log, 40);
    await first.ingest.close();
    living.length = 0;
    const key = 'kirogate:{p0}:events';
    const time = new Date(systemClock.now() + 60_000).toISOString();
    const head = ['id', ids.uuid(), 'type', 'kirogate.test.hand-made', 'subject', 'x', 'time', time, 'source', '/x', 'v', 1];
    const tail = ['key', 'x', 'actor', 'system', 'corr', '', 'cause', '', 'src', 'hand:2', 'n', 2, 'data', '{}'];
    const { log } = await watcher();
    await redis.command('XADD', key, '*', ...head, ...tail);
    // Also once the way leads back to the first entry.
    const cursors = await readCursors(db);
    for (let round = 0; round < 3; round += 1) await log.read(cursors, { limit: 1, waitMs: 0, lingerMs: 0, partitions: ['p0'] });
    expect([...(await unarchivedIn(log, db, 10))]).toEqual([['p0', { events: 1, since: Date.parse(time) }]]);
    const next = await node();
    await until('the entry behind the hole', async () =>
      (await db.query(sql`select 1 from archive where type = 'kirogate.test.hand-made'`)).length > 0 ? true : undefined,
    );
    await append(next.log, 10);
    await next.ingest.close();
    await once(50);
  });

  test('ends in seconds although there is always something to read and its own is never archived', async () => {
    const { log } = await watcher();
    await append(log, 3);
    let reads = 0;
    const endless: EventLog = {
      ...{ partitions: log.partitions, append: (event) => log.append(event), archived: async () => undefined, close: () => log.close() },
      backlog: () => ({ events: 1, bytes: 1 }),
      async read(_after, options) {
        reads += 1;
        return log.read(new Map(), options);
      },
    };
    const fast = { ...systemClock, monotonic: () => systemClock.monotonic() * 5 };
    const owners = (): { self: string; living: string[] } => ({ self: 'a', living: ['a'] });
    const ingest = startIngest({ db, log: endless, clock: fast, logger, maxPauseMs: 100, owners });
    await until('a few rounds', () => (reads > 2 ? true : undefined));
    await ingest.close();
    expect(ingest.status().state).toBe('closed');
  });

  test('neither doubles nor skips when Redis comes back with nothing', async () => {
    const [a, b] = [await node(), await node()];
    await append(a.log, 100);
    await a.ingest.idle();
    const more = append(a.log, 100);
    await redis.command('FLUSHALL');
    await more;
    await append(b.log, 50);
    await Promise.all([a.ingest.idle(), b.ingest.idle()]);
    await once(250);
  });

  test('lets another node step in for one that is frozen amid its transaction, and nothing is doubled when that goes on', async () => {
    // SQLite has one process, and nobody beside it to step in.
    if (db.engine === 'sqlite') return;
    let freeze = false;
    let thaw = (): void => undefined;
    const thawed = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    let frozen = false;
    const freezing: Database = {
      ...db,
      tx: (fn) =>
        db.tx(async (tx) => {
          const result = await fn(tx);
          if (freeze) {
            frozen = true;
            await thawed;
          }
          return result;
        }),
    };
    const [one, other] = bothOwning();
    const [slow, awake] = [await node(freezing, one), await node(db, other)];
    await Promise.all([slow.ingest.idle(), awake.ingest.idle()]);
    freeze = true;
    await append(awake.log, 80);
    await until('a frozen transaction', () => (frozen ? true : undefined));
    await until('the other node', async () => ((await archived()) === 80 ? true : undefined), 45_000);
    freeze = false;
    thaw();
    await append(slow.log, 40);
    await once(120);
  });
});
