/** Events a second from the log into archive and all read models: `npx vitest bench --run bench/ingest.bench.ts`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, bench, describe } from 'vitest';
import type { NewEvent } from '../src/events/define.js';
import { openMemoryLog } from '../src/events/log/memory.js';
import type { EventLog } from '../src/events/log/port.js';
import { exampleTerminal } from '../src/events/request/facts.js';
import { migrate } from '../src/infra/database/migrate.js';
import type { Database } from '../src/infra/database/port.js';
import { openSqlite } from '../src/infra/database/sqlite.js';
import { type Ingest, startIngest } from '../src/projections/runner/ingest.js';
import { verifyProjections } from '../src/projections/runner/verify.js';
import { systemClock } from '../src/shared/clock.js';
import { createIds } from '../src/shared/ids.js';

const RUN = 10_000;
const ids = createIds(systemClock);
let dir: string;
let db: Database;
let log: EventLog;
let ingest: Ingest;
let made = 0;

/** 200 tokens, 100 users with a key each, 5 models, latencies over three decades. */
function event(): NewEvent {
  made += 1;
  const tokenId = `token${made % 200}`;
  const now = Date.now();
  const attempts = exampleTerminal.attempts.map((attempt) => ({
    ...attempt,
    attemptId: ids.uuid(),
    tokenId,
    startedAt: now - 900,
    respondedAt: now - 500,
  }));
  return {
    id: ids.uuid(),
    type: 'kirogate.token.used',
    source: '/kirogate/nodes/n1',
    subject: `token/${tokenId}`,
    time: now,
    data: {
      ...exampleTerminal,
      requestId: ids.uuid(),
      userId: `user${made % 100}`,
      keyId: `key${made % 100}`,
      model: `model-${made % 5}`,
      latencyUs: 1_000 * (1 + ((made * 7_919) % 1_000)),
      tokenId,
      attempts,
    },
    dataversion: 1,
    partitionkey: tokenId,
    actor: `key/key${made % 100}`,
    correlationid: ids.uuid(),
    causationid: null,
  };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kg-bench-'));
  db = await openSqlite({ path: join(dir, 'x.db') });
  await migrate(db, { dir: new URL('../migrations', import.meta.url).pathname, eventPartitions: 8, clock: systemClock });
  log = await openMemoryLog({ partitions: 8, dir: null, ids, clock: systemClock });
  ingest = startIngest({ db, log, clock: systemClock, logger: pino({ level: 'warn' }) });
  await ingest.idle();
});
afterAll(async () => {
  await ingest.close();
  await log.close();
  await db.close();
  await rm(dir, { recursive: true });
});

describe(`${RUN} events a run`, () => {
  bench(
    'ingest: archive and all read models',
    async () => {
      await Promise.all(Array.from({ length: RUN }, () => log.append(event())));
      await ingest.idle();
    },
    { time: 5_000, warmupTime: 1_000 },
  );
});

describe('everything archived by then', () => {
  bench(
    'verify: hash chain, fold anew, compare',
    async () => {
      const began = performance.now();
      const result = await verifyProjections({ db, clock: systemClock });
      if (!result.ok) throw new Error('the read models differ from the archive');
      process.stdout.write(`verified ${result.events} events in ${Math.round(performance.now() - began)} ms\n`);
    },
    { time: 1, iterations: 1, warmupIterations: 0, warmupTime: 0 },
  );
});
