/** What a start makes of the requests that an earlier run left open: real files, real read models. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../errors.js';
import { readArchive } from '../events/archive.js';
import { decodeEvent } from '../events/index.js';
import { openMemoryLog } from '../events/log/memory.js';
import type { EventLog } from '../events/log/port.js';
import { forward } from '../gateway/pipeline/forward.js';
import type { Run } from '../gateway/pipeline/run.js';
import { type Ending, settle } from '../gateway/pipeline/settle.js';
import { answers, createKit, type Kit, operator, stop, text } from '../gateway/pipeline/testing/kit.js';
import { migrate } from '../infra/database/migrate.js';
import type { Database } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { type OpenRecords, openFileOpenRecords } from '../limits/openRecords.js';
import { createTestClock, type TestClock } from '../limits/testing/fixtures.js';
import { readRestore } from '../projections/restore.js';
import { type Ingest, startIngest } from '../projections/runner/ingest.js';
import { createIds } from '../shared/ids.js';
import { recover } from './recover.js';

const silent = pino({ level: 'silent' });
const migrations = new URL('../../migrations', import.meta.url).pathname;
const quota = { daily: 10, monthly: 100 };
const terminal = ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled', 'kirogate.request.abandoned'];

let dir: string;
let clock: TestClock;
let db: Database;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kg-recover-'));
  clock = createTestClock();
  db = await openSqlite({ path: join(dir, 'x.db') });
  await migrate(db, { dir: migrations, eventPartitions: 2, clock });
});
afterEach(async () => {
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

interface NodeRun {
  readonly kit: Kit;
  readonly log: EventLog;
  readonly records: OpenRecords;
  readonly ingest: Ingest;
  /** As a start does it. */
  recover(limits?: Kit['limits']): Promise<void>;
  end(): Promise<void>;
}

/** One run of a node on the folder. Its end leaves what a crash would leave: whatever was not archived or closed. */
async function startRun(): Promise<NodeRun> {
  const log = await openMemoryLog({ partitions: 2, dir: join(dir, 'journal'), ids: createIds(clock), clock });
  const records = await openFileOpenRecords({ path: join(dir, 'open-requests') });
  const kit = await createKit({ play: answers(text('hi'), stop), openRecords: records, clock, over: { log } });
  const ingest = startIngest({ db, log, clock, logger: silent, lingerMs: 0 });
  return {
    kit,
    log,
    records,
    ingest,
    recover: (limits = kit.limits) =>
      recover({
        limits,
        log,
        archived: () => ingest.idle(),
        restore: () => readRestore(db, clock.now()),
        clock,
        nodeId: 'n1',
        logger: silent,
      }),
    async end() {
      await ingest.close();
      await log.close();
      await records.close();
    },
  };
}

/** A run that admits a request of `u1` and dies; `before` is what it still did. */
async function crashedRun(before: (node: NodeRun, run: Run) => Promise<void>): Promise<Run> {
  const node = await startRun();
  await node.ingest.idle();
  const run = node.kit.run({ caller: { ...operator, userId: 'u1', keyId: 'k1', quota } });
  const first = await node.kit.first(run);
  for await (const _event of forward(run, first, node.kit.deps));
  await before(node, run);
  await node.end();
  return run;
}

/** The terminal event is safe, the record is not closed. */
function logged(ending: Ending): (node: NodeRun, run: Run) => Promise<void> {
  return async (node, run) => {
    const limits = { ...node.kit.limits, finish: () => Promise.reject(new Error('the process died')) };
    await settle(run, ending, { ...node.kit.deps, limits }).catch(() => undefined);
  };
}

const archivedTerminals = async () => (await readArchive(db, { types: terminal, limit: 100 })).items.map(({ event }) => event);
const used = (node: NodeRun) => node.kit.limits.userUse('u1');

describe('a start after a crash', () => {
  it('closes a request that nobody ended as abandoned, under the id minted at its admission, and charges it', async () => {
    const run = await crashedRun(async () => undefined);
    const node = await startRun();
    await node.recover();
    const events = await archivedTerminals();
    expect(events).toMatchObject([
      {
        id: run.terminalEventId,
        type: 'kirogate.request.abandoned',
        subject: `request/${run.requestId}`,
        correlationid: run.requestId,
        partitionkey: 'u1',
        actor: 'system',
        data: { userId: 'u1', keyId: 'k1', charged: true, metered: true, tokenId: 'a', attempt: 1, attemptId: run.attempts[0]?.attemptId },
      },
    ]);
    const [event] = events;
    expect(decodeEvent('kirogate.request.abandoned', 1, event?.data)).toEqual({ outcome: 'ok', data: event?.data });
    expect(await used(node)).toMatchObject({ dayUsed: 1, monthUsed: 1 });
    expect(await node.kit.limits.abandoned()).toEqual([]);
    await node.end();
  });

  it('counts it once in the windows of its token', async () => {
    await crashedRun(async () => undefined);
    const node = await startRun();
    expect(await node.kit.limits.tokenUse(['a'])).toMatchObject([{ rpm: 1, rph: 1, concurrency: 0 }]);
    await node.recover();
    expect(await node.kit.limits.tokenUse(['a'])).toMatchObject([{ rpm: 1, rph: 1, concurrency: 0 }]);
    await node.end();
  });

  const endings: readonly [string, Ending, string, number][] = [
    ['completed', { kind: 'completed' }, 'kirogate.token.used', 1],
    ['left by its client', { kind: 'left' }, 'kirogate.request.cancelled', 1],
    ['failed and given back', { kind: 'failed', error: new AppError('upstream_error') }, 'kirogate.request.failed', 0],
  ];
  it.each(endings)('keeps the one terminal event of a request that was %s when the process died', async (_name, ending, type, charged) => {
    const run = await crashedRun(logged(ending));
    const node = await startRun();
    await node.recover();
    expect(await archivedTerminals()).toMatchObject([{ id: run.terminalEventId, type }]);
    expect(await used(node)).toMatchObject({ dayUsed: charged, monthUsed: charged });
    await node.end();
  });

  it('also where that event was archived before the process died', async () => {
    await crashedRun(async (node, run) => {
      await logged({ kind: 'completed' })(node, run);
      await node.ingest.idle();
    });
    const node = await startRun();
    await node.recover();
    expect((await archivedTerminals()).map(({ type }) => type)).toEqual(['kirogate.token.used']);
    expect(await used(node)).toMatchObject({ dayUsed: 1 });
    await node.end();
  });

  it('that is itself cut short is made good by the next, with still one event', async () => {
    await crashedRun(async () => undefined);
    const cut = await startRun();
    await expect(cut.recover({ ...cut.kit.limits, finish: () => Promise.reject(new Error('the process died')) })).rejects.toThrow();
    await cut.end();
    const node = await startRun();
    await node.recover();
    expect((await archivedTerminals()).map(({ type }) => type)).toEqual(['kirogate.request.abandoned']);
    expect(await used(node)).toMatchObject({ dayUsed: 1, monthUsed: 1 });
    await node.end();
    const later = await startRun();
    await later.recover();
    expect(await archivedTerminals()).toHaveLength(1);
    expect(await used(later)).toMatchObject({ dayUsed: 1, monthUsed: 1 });
    await later.end();
  });

  it('lets exactly as many through as are left of the quota', async () => {
    for (let i = 0; i < 3; i += 1) await crashedRun(async () => undefined);
    const node = await startRun();
    await node.recover();
    let admitted = 0;
    for (let i = 0; i < 20; i += 1) {
      const run = node.kit.run({ caller: { ...operator, userId: 'u1', keyId: 'k1', quota } });
      const first = await node.kit.first(run).catch(() => null);
      if (first !== null) admitted += 1;
    }
    expect(admitted).toBe(quota.daily - 3);
    await node.end();
  });

  it('charges the day on which the request was admitted, when midnight lies between', async () => {
    await crashedRun(async () => undefined);
    clock.advance(13 * 3_600_000);
    const node = await startRun();
    await node.recover();
    expect(await used(node)).toMatchObject({ day: '2026-11-24', dayUsed: 0, month: '2026-11', monthUsed: 1 });
    await node.end();
  });
});

describe('a warning that 80 % of a quota are used', () => {
  const warnings = async () =>
    (await readArchive(db, { types: ['kirogate.quota.warned'], limit: 100 })).items.map(({ event }) => event.data);
  const finishOne = async (node: NodeRun, log: EventLog): Promise<void> => {
    const run = node.kit.run({ caller: { ...operator, userId: 'u1', keyId: 'k1', quota } });
    for await (const _event of forward(run, await node.kit.first(run), node.kit.deps));
    await settle(run, { kind: 'completed' }, { ...node.kit.deps, log, stopped: AbortSignal.abort() });
  };
  const withoutWarnings = (log: EventLog): EventLog => ({
    ...log,
    append: (event) => (event.type === 'kirogate.quota.warned' ? Promise.reject(new Error('the process died')) : log.append(event)),
  });

  it('is made up for where the process died before it was logged, and stands in the archive once', async () => {
    const first = await startRun();
    for (let i = 0; i < 7; i += 1) await finishOne(first, first.log);
    await expect(finishOne(first, withoutWarnings(first.log))).rejects.toThrow('the process died');
    await first.ingest.idle();
    expect(await warnings()).toEqual([]);
    await first.end();
    for (const used of [9, 10]) {
      const node = await startRun();
      await node.recover();
      await finishOne(node, node.log);
      await node.ingest.idle();
      expect(await warnings()).toMatchObject([{ quota: 'daily', limit: 10, used: 9 }]);
      expect(await node.kit.limits.userUse('u1')).toMatchObject({ dayUsed: used });
      await node.end();
    }
  });

  it('comes as well where abandoned requests carried the use over the mark', async () => {
    for (let i = 0; i < 8; i += 1) await crashedRun(async () => undefined);
    const node = await startRun();
    await node.recover();
    await finishOne(node, node.log);
    await node.ingest.idle();
    expect(await warnings()).toMatchObject([{ quota: 'daily', limit: 10, used: 9 }]);
    await node.end();
  });
});

describe('a start after a clean stop', () => {
  it('finds nothing open and knows what was used', async () => {
    await crashedRun(async (node, run) => settle(run, { kind: 'completed' }, node.kit.deps));
    const node = await startRun();
    await node.recover();
    expect((await archivedTerminals()).map(({ type }) => type)).toEqual(['kirogate.token.used']);
    expect(await used(node)).toMatchObject({ dayUsed: 1, monthUsed: 1 });
    await node.end();
  });
});
