/** Several processes archive one stream: every event once, whoever stands still, whatever the stream forgets. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { appendToArchive } from '../../events/archive.js';
import { partitionOf } from '../../events/log/port.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Database, sql } from '../../infra/database/port.js';
import { type Clock, systemClock } from '../../shared/clock.js';
import { projections } from '../index.js';
import { used } from '../testing/events.js';
import { createSharedStream, type SharedStream } from '../testing/sharedStream.js';
import { openStore, PARTITIONS } from '../testing/store.js';
import { use } from '../use.js';
import { applyEvents } from './apply.js';
import { type Ingest, startIngest } from './ingest.js';
import { ownedPartitions } from './ownership.js';
import { verifyProjections } from './verify.js';

/** A second of patience passes in 25 ms. */
const hurried: Clock = { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() * 40 };
const logger = pino({ level: 'silent' });
const names = Array.from({ length: PARTITIONS }, (_, index) => `p${index}`);

let db: Database;
let stream: SharedStream;
let running: Ingest[];
let living: string[];

beforeEach(async () => {
  db = await openStore();
  stream = createSharedStream(PARTITIONS);
  running = [];
  living = [];
});
afterEach(async () => {
  await Promise.all(running.map((ingest) => ingest.close()));
  await db.close();
});

function node(run: string, over: Partial<Parameters<typeof startIngest>[0]> = {}) {
  const log = stream.handle(run);
  const owners = (): { self: string; living: string[] } => ({ self: run, living });
  const ingest = startIngest({ db, log, clock: hurried, logger, lingerMs: 0, maxPauseMs: 20, owners, ...over });
  running.push(ingest);
  return { log, ingest };
}

const append = (log: { append(event: ReturnType<typeof used>): Promise<void> }, count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => log.append(used({ tokenId: `t${index % 11}` }))));
const requests = async (): Promise<number | undefined> =>
  (await db.query<{ requests: number }>(sql`select sum(requests) as requests from user_total`))[0]?.requests ?? undefined;
const archived = async (): Promise<number | undefined> =>
  (await db.query<{ n: number }>(sql`select count(*) as n from archive where type = 'kirogate.token.used'`))[0]?.n;
const once = async (count: number): Promise<void> => {
  expect(await archived()).toBe(count);
  expect(await requests()).toBe(count);
  expect((await verifyProjections({ db, clock: systemClock })).ok).toBe(true);
};

describe('ingest on several nodes', () => {
  test('shares the partitions out, archives each event once, and contents each node for what it appended', async () => {
    living = ['a', 'b', 'c'];
    const nodes = living.map((run) => node(run, { clock: systemClock }));
    await Promise.all(nodes.map(({ log }) => append(log, 100)));
    await Promise.all(nodes.map(({ ingest }) => ingest.idle()));
    await once(300);
    for (const [index, self] of living.entries()) {
      expect([...(nodes[index]?.log.asked ?? [])].sort()).toEqual(ownedPartitions(names, { self, living }));
    }
  });

  test('steps in where a living node stands still, and gives way when it moves again', async () => {
    living = ['a', 'frozen'];
    const { log, ingest } = node('a');
    await append(log, 60);
    await ingest.idle();
    await once(60);
    // The frozen one wakes up: it reads from where it believed to be.
    const awake = node('frozen');
    await append(awake.log, 60);
    await Promise.all([ingest.idle(), awake.ingest.idle()]);
    await once(120);
  });

  test('goes on with what a node that left had', async () => {
    living = ['a', 'b'];
    const [a, b] = [node('a'), node('b')];
    await Promise.all([a.ingest.idle(), b.ingest.idle()]);
    await b.ingest.close();
    living = ['a'];
    await append(a.log, 80);
    await a.ingest.idle();
    await once(80);
  });

  test('neither doubles nor skips when the stream is rolled back or emptied', async () => {
    living = ['a', 'b'];
    const nodes = [node('a'), node('b')];
    const producer = nodes[0]?.log;
    if (!producer) throw new Error('no node');
    await append(producer, 90);
    await Promise.all(nodes.map(({ ingest }) => ingest.idle()));
    await append(producer, 50);
    stream.rollBack(7);
    await Promise.all(nodes.map(({ ingest }) => ingest.idle()));
    await once(140);
    await append(producer, 50);
    stream.empty();
    await Promise.all(nodes.map(({ ingest }) => ingest.idle()));
    await once(190);
  });

  test('takes a batch once whose commit was not confirmed', async () => {
    living = ['a'];
    let lost = 3;
    const losing: Database = Object.assign(Object.create(db) as Database, {
      tx: async (fn: Parameters<Database['tx']>[0]) => {
        const result = await db.tx(fn);
        if (lost-- > 0) throw new DatabaseError('unavailable', 'the answer to the commit was lost');
        return result;
      },
    });
    Object.assign(losing, { query: db.query.bind(db), snapshot: db.snapshot.bind(db), engine: db.engine });
    const { log, ingest } = node('a', { db: losing });
    await append(log, 30);
    await ingest.idle();
    await once(30);
  });

  test('tries a transaction again that collided with another, without a word', async () => {
    living = ['a'];
    let collisions = 3;
    const colliding: Database = Object.assign(Object.create(db) as Database, {
      tx: async (fn: Parameters<Database['tx']>[0]) => {
        if (collisions-- > 0) throw new DatabaseError('busy', 'deadlock detected');
        return db.tx(fn);
      },
    });
    Object.assign(colliding, { query: db.query.bind(db), snapshot: db.snapshot.bind(db), engine: db.engine });
    const { log, ingest } = node('a', { db: colliding });
    await append(log, 5);
    await ingest.idle();
    expect(ingest.status()).toMatchObject({ state: 'running', error: null });
    await once(5);
  });

  test('does not write tables of another version, and goes on when they are its own again', async () => {
    living = ['a'];
    const { log, ingest } = node('a');
    await ingest.idle();
    await db.query(sql`update projection_sets set active_version = 99 where projection = 'use'`);
    await append(log, 4);
    await until('the refusal', () => (ingest.status().state === 'failing' ? true : undefined));
    expect(ingest.status().error).toMatch(/use is at version 99/);
    expect(await archived()).toBe(0);
    await db.query(sql`update projection_sets set active_version = ${use.version} where projection = 'use'`);
    await ingest.idle();
    await once(4);
  });

  test('fills what a node of an older build left out of a projection that it does not have', async () => {
    living = ['a'];
    const { log, ingest } = node('a');
    await ingest.idle();
    const older = projections.filter(({ name }) => name !== 'use');
    const theirs = Array.from({ length: 6 }, () => used({ tokenId: 't1' }));
    await db.tx(async (tx) => {
      await applyEvents(tx, await appendToArchive(tx, partitionOf('t1', PARTITIONS), theirs), { projections: older });
    });
    expect(await requests()).toBeUndefined();
    await log.append(used({ tokenId: 't1' }));
    await ingest.idle();
    await once(7);
  });
});
