/** Events a second into the archive and out of it: `npx vitest bench --run bench/archive.bench.ts`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, bench, describe } from 'vitest';
import { appendToArchive, readPartition } from '../src/events/archive.js';
import type { NewEvent } from '../src/events/define.js';
import { openMemoryLog } from '../src/events/log/memory.js';
import type { EventLog } from '../src/events/log/port.js';
import { exampleTerminal } from '../src/events/request/facts.js';
import { migrate } from '../src/infra/database/migrate.js';
import type { Database } from '../src/infra/database/port.js';
import { openSqlite } from '../src/infra/database/sqlite.js';
import { systemClock } from '../src/shared/clock.js';
import { createIds } from '../src/shared/ids.js';

const ids = createIds(systemClock);
const BATCH = 500;
const options = { time: 4_000, warmupTime: 500 };
let dir: string;
let db: Database;
let log: EventLog;
let batch = 0;

function event(): NewEvent {
  const token = `a1b2c3d4e5f6g7${batch % 100}`;
  return {
    id: ids.uuid(),
    type: 'kirogate.token.used',
    source: '/kirogate/nodes/n1',
    subject: `token/${token}`,
    time: Date.now(),
    data: exampleTerminal,
    dataversion: 1,
    partitionkey: token,
    actor: 'key/p0o9i8u7y6t5r4e3',
    correlationid: ids.uuid(),
    causationid: null,
  };
}
const events = (): NewEvent[] => Array.from({ length: BATCH }, event);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kg-bench-'));
  db = await openSqlite({ path: join(dir, 'x.db') });
  await migrate(db, { dir: new URL('../migrations', import.meta.url).pathname, eventPartitions: 8, clock: systemClock });
  await db.tx((tx) => appendToArchive(tx, 'p7', events()));
  log = await openMemoryLog({ partitions: 8, dir: join(dir, 'journal'), ids, clock: systemClock });
});
afterAll(async () => {
  await log.close();
  await db.close();
  await rm(dir, { recursive: true });
});

describe(`${BATCH} events a run`, () => {
  bench(
    'archive: append in one transaction',
    async () => {
      batch += 1;
      await db.tx((tx) => appendToArchive(tx, `p${batch % 7}`, events()));
    },
    options,
  );
  bench('archive: read back', async () => void (await readPartition(db, 'p7', 0, BATCH)), options);
  bench(
    'log: append, journal, archived',
    async () => {
      await Promise.all(events().map((each) => log.append(each)));
      const entries = await log.read(new Map(), { limit: BATCH, waitMs: 0, lingerMs: 0 });
      const last = new Map(entries.map((entry) => [entry.partition, entry.cursor]));
      await log.archived([...last].map(([partition, cursor]) => ({ partition, cursor, producers: new Map() })));
    },
    options,
  );
});
