/** A real SQLite database with the product's own migrations, for tests. */
import { fileURLToPath } from 'node:url';
import { migrate } from '../../infra/database/migrate.js';
import { type Database, sql } from '../../infra/database/port.js';
import { openSqlite } from '../../infra/database/sqlite.js';
import { systemClock } from '../../shared/clock.js';
import { projections } from '../index.js';
import { activate } from '../runner/checkpoints.js';

const migrations = fileURLToPath(new URL('../../../migrations', import.meta.url));

export const PARTITIONS = 4;

/** Ends with `close()`. Its projections are prepared, as after the first start. */
export async function openStore(path = ':memory:'): Promise<Database> {
  const db = await openSqlite({ path });
  await migrate(db, { dir: migrations, eventPartitions: PARTITIONS, clock: systemClock });
  await db.tx(async (tx) => {
    for (const projection of projections) await activate(tx, projection, 0);
  });
  return db;
}

/** Empties read models, checkpoints and parked events, and the archive as well. */
export async function emptyStore(db: Database): Promise<void> {
  const tables = [
    ...projections.flatMap((projection) => projection.tables.map(({ name }) => name)),
    'projection_checkpoints',
    'parked_events',
    'archive',
    'producers',
  ];
  await db.tx(async (tx) => {
    for (const name of tables) await tx.query(sql`delete from ${sql.ident(name)}`);
    await tx.query(sql`update partitions set position = 0, log_cursor = null, hash = ${'0'.repeat(64)}`);
  });
}
