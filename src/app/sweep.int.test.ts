import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { appendToArchive } from '../events/archive.js';
import type { NewEvent } from '../events/define.js';
import { directoryUser, fakeDirectory } from '../gateway/pipeline/testing/fakeDirectory.js';
import { migrate } from '../infra/database/migrate.js';
import type { Database } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import type { FinishRequest, OpenRecord } from '../limits/port.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { migrationsDir } from './package.js';
import { type SweepDeps, sweepOnce } from './sweep.js';

const logger = pino({ level: 'silent' });
const ids = createIds(systemClock);
const directory = fakeDirectory();
directory.users.set('u1', directoryUser({ quotaDaily: 10, quotaMonthly: 1000 }));
let db: Database;

beforeEach(async () => {
  db = await openSqlite({ path: ':memory:' });
  await migrate(db, { dir: migrationsDir, eventPartitions: 1, clock: systemClock, logger });
});

const record = (): OpenRecord => ({
  requestId: ids.uuid(),
  terminalEventId: ids.uuid(),
  attemptId: ids.uuid(),
  attempt: 1,
  tokenId: 't1',
  userId: 'u1',
  keyId: 'k1',
  period: { day: '2026-11-23', month: '2026-11' },
  facts: { endpoint: '/v1/messages', model: 'm', stream: false, startedAt: systemClock.now() },
  metered: true,
});

/** A sweep over these records, with a log that the archive follows at once, or not. */
function sweep(records: readonly OpenRecord[], over: { archives?: boolean; used?: number } = {}) {
  const appended: NewEvent[] = [];
  const finished: FinishRequest[] = [];
  const deps: SweepDeps = {
    db,
    limits: {
      abandoned: async () => records,
      finish: async (request) => {
        finished.push(request);
        return { warned: [] };
      },
      userUse: async () => ({ day: '2026-11-23', dayUsed: over.used ?? 0, month: '2026-11', monthUsed: over.used ?? 0 }),
    },
    directory,
    log: {
      append: async (event) => {
        appended.push(event);
        if (over.archives ?? true) await db.tx((tx) => appendToArchive(tx, 'p0', [event]));
      },
    },
    ingest: { idle: async () => undefined },
    clock: systemClock,
    ids,
    nodeId: 'n1',
    logger,
  };
  return { run: () => sweepOnce(deps), appended, finished };
}

/** What a dead node had logged itself before it died. */
const archiveEnd = (one: OpenRecord, charged: boolean) =>
  db.tx((tx) =>
    appendToArchive(tx, 'p0', [
      {
        id: one.terminalEventId,
        type: 'kirogate.request.failed',
        source: '/kirogate/nodes/dead',
        subject: `request/${one.requestId}`,
        time: systemClock.now(),
        dataversion: 1,
        partitionkey: 'u1',
        actor: 'key/k1',
        correlationid: one.requestId,
        causationid: null,
        data: { charged },
      },
    ]),
  );

describe('the open requests of a dead node', () => {
  it('end as abandoned under the id minted at admission, and are charged', async () => {
    const one = record();
    const { run, appended, finished } = sweep([one]);
    await run();
    expect(appended).toMatchObject([{ id: one.terminalEventId, type: 'kirogate.request.abandoned', data: { charged: true } }]);
    expect(finished).toEqual([{ requestId: one.requestId, quota: 'keep' }]);
  });

  it('are given back where the node itself had logged that they were', async () => {
    const one = record();
    await archiveEnd(one, false);
    const { run, finished } = sweep([one]);
    await run();
    expect(finished).toEqual([{ requestId: one.requestId, quota: 'return' }]);
  });

  it('stay open until their end is archived', async () => {
    const { run, finished } = sweep([record()], { archives: false });
    await run();
    expect(finished).toEqual([]);
  });

  it('may bring the 80 % of a quota that nobody told, under the one id that it has', async () => {
    const first = sweep([record(), record()], { used: 8 });
    await first.run();
    const warned = first.appended.filter(({ type }) => type === 'kirogate.quota.warned');
    expect(warned).toMatchObject([{ subject: 'user/u1', data: { quota: 'daily', limit: 10, used: 8 } }]);
    const again = sweep([record()], { used: 9 });
    await again.run();
    expect(again.appended.at(-1)?.id).toBe(warned[0]?.id);
  });

  it('below 80 % tell nothing', async () => {
    const { run, appended } = sweep([record()], { used: 7 });
    await run();
    expect(appended).toHaveLength(1);
  });
});
