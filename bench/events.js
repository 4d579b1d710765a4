/** Events a second: appended, archived with all read models, and folded again, each beside the bare way of moving as many bytes; and how soon. */
import { spawnSync } from 'node:child_process';
import { realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import pino from 'pino';
import { openMemoryLog } from '../dist/events/log/memory.js';
import { openRedisLog } from '../dist/events/log/redis.js';
import { migrate } from '../dist/infra/database/migrate.js';
import { openPostgres } from '../dist/infra/database/postgres.js';
import { openSqlite } from '../dist/infra/database/sqlite.js';
import { projections } from '../dist/projections/index.js';
import { startIngest } from '../dist/projections/runner/ingest.js';
import { rebuild } from '../dist/projections/runner/rebuild.js';
import { systemClock } from '../dist/shared/clock.js';
import { createIds } from '../dist/shared/ids.js';
import { ensureServer } from '../scripts/services.js';
import { measureLag } from './lib/lag.js';
import { createMakeEvent } from './lib/madeEvent.js';
import { startStores } from './lib/stores.js';
import { printTable } from './lib/table.js';

const migrations = fileURLToPath(new URL('../migrations', import.meta.url));
const PARTITIONS = 8;
const BATCH = 500;
const clock = systemClock;
const ids = createIds(clock);
const logger = pino({ level: 'error' });

/** Runs `work` on `count` events and answers events a second. */
async function rate(count, work) {
  const start = performance.now();
  await work();
  return count / ((performance.now() - start) / 1000);
}

async function inBatches(events, send) {
  for (let i = 0; i < events.length; i += BATCH) await send(events.slice(i, i + BATCH));
}

export async function measureEvents({ dir, events: count }) {
  const stores = await startStores({ dir });
  const rows = [];
  const lags = [];
  const add = (what, perSecond, bare) => rows.push({ what, perSecond, ...(bare && { of: bare.what, ratio: perSecond / bare.perSecond }) });
  try {
    const make = createMakeEvent(ids);
    const events = Array.from({ length: count }, make);
    const bareAppend = await bareXadd(stores, events);
    rows.push(bareAppend);
    const { appended, ingested, lag, db } = await cluster(stores, dir, events, make);
    add('KiroGate: append to Redis, one producer', appended, bareAppend);
    lags.push({ what: 'Redis into PostgreSQL', ...lag });
    const inserted = await bareInsert(stores, events);
    const copied = bareCopy(stores, dir, events);
    rows.push(inserted, copied);
    add('KiroGate: ingest from Redis into PostgreSQL, archive and all read models', ingested, inserted);
    for (const [name, perSecond] of await rebuilt(db, count)) add(`KiroGate: rebuild of ${name} on PostgreSQL`, perSecond);
    await db.close();
    const single = await singleNode(dir, events, make);
    lags.push({ what: 'memory into SQLite', ...single.lag });
    add('KiroGate: append to the journal, single node', single.appended);
    add('KiroGate: ingest into SQLite, archive and all read models', single.ingested);
    for (const [name, perSecond] of single.rebuilt) add(`KiroGate: rebuild of ${name} on SQLite`, perSecond);
  } finally {
    await stores.stop();
  }
  print(rows, lags);
  return { rows, lags };
}

/** The simplest fast producer: pipelines of as many commands as we put into one call. */
async function bareXadd(stores, events) {
  const redis = new Redis(stores.redisUrl);
  const texts = events.map((event) => [event.id, event.type, event.subject, JSON.stringify(event.data)]);
  const perSecond = await rate(events.length, () =>
    inBatches(texts, async (some) => {
      const pipeline = redis.pipeline();
      for (const [id, type, subject, data] of some)
        pipeline.xadd('bench:events', '*', 'id', id, 'type', type, 'subject', subject, 'data', data);
      await pipeline.exec();
    }),
  );
  await redis.del('bench:events');
  redis.disconnect();
  return { what: 'bare: XADD, pipelined', perSecond };
}

const bareColumns = 'partition text, position bigint, id text, type text, subject text, time bigint, data text';

/** One table, one statement a batch, three indexes as an archive needs them. */
async function bareInsert(stores, events) {
  const client = new pg.Client(stores.databaseUrl);
  await client.connect();
  await client.query(`create table bare_insert (${bareColumns}, primary key (partition, position))`);
  await client.query('create unique index on bare_insert (id)');
  await client.query('create index on bare_insert (subject, position)');
  let position = 0;
  const perSecond = await rate(events.length, () =>
    inBatches(events, async (some) => {
      const columns = [[], [], [], [], [], [], []];
      for (const event of some) {
        position += 1;
        const row = ['p0', position, event.id, event.type, event.subject, event.time, JSON.stringify(event.data)];
        for (const [i, value] of row.entries()) columns[i].push(value);
      }
      await client.query(
        'insert into bare_insert select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])',
        columns,
      );
    }),
  );
  await client.end();
  return { what: 'bare: batched insert, three indexes', perSecond };
}

/** The upper bound: COPY into one table without indexes but its key, by psql. */
function bareCopy(stores, dir, events) {
  const file = join(dir, 'copy.tsv');
  const escaped = (text) => text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n');
  const line = (event, i) => ['p0', i, event.id, event.type, event.subject, event.time, escaped(JSON.stringify(event.data))].join('\t');
  writeFileSync(file, `${events.map(line).join('\n')}\n`);
  // The server may be found by a link in a folder where its tools have none.
  const psql = join(dirname(realpathSync(ensureServer('postgres'))), 'psql');
  const run = (sql) => {
    const done = spawnSync(psql, [stores.databaseUrl, '-qXc', sql], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`psql: ${done.stderr || done.error?.message}`);
  };
  run(`create table bare_copy (${bareColumns}, primary key (partition, position))`);
  const start = performance.now();
  run(`\\copy bare_copy from '${file}'`);
  const perSecond = events.length / ((performance.now() - start) / 1000);
  rmSync(file);
  return { what: 'bare: COPY', perSecond };
}

async function cluster(stores, dir, events, make) {
  const db = await openPostgres({ url: stores.databaseUrl });
  await migrate(db, { dir: migrations, eventPartitions: PARTITIONS, clock, logger });
  const log = await openRedisLog({
    url: stores.redisUrl,
    partitions: PARTITIONS,
    dir: join(dir, 'spool'),
    src: ids.short(),
    clock,
    logger,
    retentionHours: 24,
    ringBytes: 1024 * 1024 * 1024,
  });
  const appended = await rate(events.length, () => inBatches(events, (some) => Promise.all(some.map((event) => log.append(event)))));
  const ingested = await archive(db, log, events.length);
  const lag = await measureLag({ db, log, make, clock, logger });
  await log.close();
  return { appended, ingested, lag, db };
}

/** Everything waits in the log already: how fast it becomes archive and read models. */
async function archive(db, log, count) {
  let ingest;
  const perSecond = await rate(count, async () => {
    ingest = startIngest({ db, log, clock, logger });
    await ingest.idle();
  });
  await ingest.close();
  return perSecond;
}

/** Of each read model that traffic feeds; the others have nothing to do here. */
async function rebuilt(db, count) {
  const rates = [];
  for (const projection of projections.filter(({ types }) => types.includes('kirogate.token.used')))
    rates.push([projection.name, await rate(count, () => rebuild({ db, projection, clock }))]);
  return rates;
}

async function singleNode(dir, events, make) {
  const db = await openSqlite({ path: join(dir, 'bench.db') });
  await migrate(db, { dir: migrations, eventPartitions: PARTITIONS, clock, logger });
  const log = await openMemoryLog({ partitions: PARTITIONS, dir: join(dir, 'journal'), ids, clock, logger });
  // Its ring is bounded: appended and archived at once.
  const ingest = startIngest({ db, log, clock, logger });
  const start = performance.now();
  await inBatches(events, (some) => Promise.all(some.map((event) => log.append(event))));
  const appended = events.length / ((performance.now() - start) / 1000);
  await ingest.idle();
  const ingested = events.length / ((performance.now() - start) / 1000);
  await ingest.close();
  const again = await rebuilt(db, events.length);
  const lag = await measureLag({ db, log, make, clock, logger });
  await log.close();
  await db.close();
  return { appended, ingested, rebuilt: again, lag };
}

function print(rows, lags) {
  console.log('\nEvents');
  printTable(
    ['', 'events/s', 'ratio', 'to'],
    rows.map(({ what, perSecond, ratio, of }) => [what, perSecond.toFixed(0), ratio === undefined ? '' : ratio.toFixed(2), of ?? '']),
  );
  console.log('\nFrom append to archive and read models');
  printTable(
    ['', 'events/s', 'p50 ms', 'p99 ms'],
    lags.map(({ what, perSecond, p50, p99 }) => [what, perSecond.toFixed(0), p50.toFixed(0), p99.toFixed(0)]),
  );
}
