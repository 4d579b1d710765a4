/** One scrape, over a real database and without one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog } from '../events/log/port.js';
import { directoryToken, fakeDirectory } from '../gateway/pipeline/testing/fakeDirectory.js';
import { createTally, type Tally } from '../gateway/tally.js';
import { DatabaseError } from '../infra/database/errors.js';
import { migrate } from '../infra/database/migrate.js';
import { type Database, sql } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { systemClock } from '../shared/clock.js';
import { createMetrics } from './metrics.js';

const migrations = new URL('../../migrations', import.meta.url).pathname;
const HOUR = 3_600_000;
const waiting = { partition: 'p1', event: { time: Date.now() - HOUR } };
const log = {
  partitions: ['p0', 'p1'],
  backlog: () => ({ events: 3, bytes: 321 }),
  read: async (_after: unknown, { partitions }: { partitions?: readonly string[] }) => (partitions?.includes('p1') ? [waiting] : []),
} as unknown as EventLog;

let dir: string;
let db: Database;
let tally: Tally;
beforeEach(async () => {
  tally = createTally();
  dir = await mkdtemp(join(tmpdir(), 'kg-metrics-'));
  db = await openSqlite({ path: join(dir, 'x.db') });
  await migrate(db, { dir: migrations, eventPartitions: 2, clock: systemClock });
});
afterEach(async () => {
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

function scraper(database: Database): () => Promise<string> {
  const directory = fakeDirectory();
  directory.pool.set('a', directoryToken('a'));
  directory.pool.set('b', directoryToken('b'));
  directory.pool.set('c', directoryToken('c', { status: 'invalid' }));
  const stores = () => ({ redis: false });
  return createMetrics({ db: database, directory, clock: systemClock, log, nodeId: 'n1', tallied: () => tally.read(), stores });
}

const scrape = (database: Database): Promise<string> => scraper(database)();

describe('a scrape', () => {
  it('is Prometheus text: every line a comment or a sample, every name announced once', async () => {
    const text = await scrape(db);
    const lines = text.split('\n').filter((line) => line !== '');
    for (const line of lines) expect(line).toMatch(/^# (HELP|TYPE) \w+ .+$|^\w+(\{[^{}]*\})? (-?[\d.e+-]+|Nan|\+Inf)$/);
    const announced = lines.flatMap((line) => /^# TYPE (\w+) /.exec(line)?.[1] ?? []);
    expect(new Set(announced).size).toBe(announced.length);
    for (const name of [
      'kirogate_requests_total',
      'kirogate_request_duration_seconds',
      'kirogate_errors_total',
      'kirogate_model_tokens_total',
      'kirogate_upstream_attempts_total',
      'kirogate_pool_tokens',
      'kirogate_projection_lag_seconds',
      'kirogate_spool_bytes',
      'kirogate_store_up',
    ]) {
      expect(announced).toContain(name);
    }
  });

  it('tells the pool by status, the node by its label, and its own process', async () => {
    const text = await scrape(db);
    expect(text).toContain('kirogate_pool_tokens{status="active"} 2');
    expect(text).toContain('kirogate_pool_tokens{status="suspended"} 0');
    expect(text).toContain('kirogate_pool_tokens{status="invalid"} 1');
    expect(text).toContain('kirogate_store_up{store="sqlite",node="n1"} 1');
    expect(text).toContain('kirogate_spool_bytes{node="n1"} 321');
    expect(text).toMatch(/process_resident_memory_bytes\{node="n1"\} \d/);
  });

  it('says that the store is away instead of failing, and leaves out what only the store knows', async () => {
    const away = { ...db, engine: db.engine, query: () => Promise.reject(new DatabaseError('unavailable', 'away')) } as Database;
    const text = await scrape(away);
    expect(text).toContain('kirogate_store_up{store="sqlite",node="n1"} 0');
    expect(text).toContain('kirogate_pool_tokens{status="active"} 2');
    expect(text).toMatch(/process_resident_memory_bytes/);
    expect(text).not.toContain('kirogate_requests_total');
  });

  it('keeps the totals it read last while the database hangs, and does not ask it twice meanwhile', async () => {
    let asked = 0;
    let hangs = false;
    const database: Database = {
      ...db,
      engine: db.engine,
      query: (query) => {
        asked += 1;
        return hangs ? new Promise(() => undefined) : db.query(query);
      },
    };
    const again = scraper(database);
    await db.query(sql`insert into attempt_total (provider, result, attempts) values ('kiro', 'success', 7)`);
    expect(await again()).toContain('kirogate_upstream_attempts_total{result="success"} 7');
    hangs = true;
    asked = 0;
    const began = performance.now();
    const [text] = await Promise.all([again(), again(), again()]);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(text).toContain('kirogate_upstream_attempts_total{result="success"} 7');
    expect(text).toContain('kirogate_store_up{store="sqlite",node="n1"} 0');
    const once = asked;
    await again();
    expect(asked).toBe(once);
  });

  it('has every code at 0 before its first, so that the first is seen as a rise', async () => {
    const text = await scrape(db);
    for (const code of ['storage_unavailable', 'pool_exhausted', 'upstream_overloaded', 'internal', 'abandoned'])
      expect(text).toContain(`kirogate_errors_total{type="${code}"} 0`);
    expect(text).toContain('kirogate_node_requests_total{node="n1",status="200",code="none"} 0');
    expect(text).toContain('kirogate_node_requests_total{node="n1",status="503",code="storage_unavailable"} 0');
    expect(text).toContain('kirogate_node_upstream_attempts_total{node="n1",result="failed"} 0');
    expect(text).toContain('kirogate_node_request_duration_seconds_count{node="n1"} 0');
  });

  it('goes on telling what this node answers while the store is away', async () => {
    const away = { ...db, engine: db.engine, query: () => Promise.reject(new DatabaseError('unavailable', 'away')) } as Database;
    const again = scraper(away);
    await again();
    tally.count({ code: null, latencyMs: 20, attempts: [{ outcome: 'failed' }, { outcome: 'success' }] });
    tally.count({ code: 'storage_unavailable', latencyMs: 400_000, attempts: [] });
    const text = await again();
    expect(text).toContain('kirogate_node_requests_total{node="n1",status="200",code="none"} 1');
    expect(text).toContain('kirogate_node_requests_total{node="n1",status="503",code="storage_unavailable"} 1');
    expect(text).toContain('kirogate_node_upstream_attempts_total{node="n1",result="failed"} 1');
    expect(text).toContain('kirogate_node_request_duration_seconds_bucket{node="n1",le="0.01"} 0');
    expect(text).toContain('kirogate_node_request_duration_seconds_bucket{node="n1",le="0.025"} 1');
    expect(text).toContain('kirogate_node_request_duration_seconds_bucket{node="n1",le="300"} 1');
    expect(text).toContain('kirogate_node_request_duration_seconds_bucket{node="n1",le="+Inf"} 2');
    expect(text).toContain('kirogate_node_request_duration_seconds_sum{node="n1"} 400.02');
  });

  it('tells how old the oldest event is that waits in the log, and of the other stores', async () => {
    const text = await scrape(db);
    const lag = /kirogate_projection_lag_seconds\{projection="use",partition="p1"\} ([\d.]+)/.exec(text)?.[1];
    expect(Number(lag)).toBeGreaterThanOrEqual(3_600);
    expect(text).toContain('kirogate_projection_lag_seconds{projection="use",partition="p0"} 0');
    expect(text).toContain('kirogate_store_up{store="redis",node="n1"} 0');
  });

  it('fails on a fault of ours', async () => {
    const broken = { ...db, engine: db.engine, query: () => Promise.reject(new DatabaseError('statement', 'no such table')) } as Database;
    await expect(scrape(broken)).rejects.toThrow('no such table');
  });
});
