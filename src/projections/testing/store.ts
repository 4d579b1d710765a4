/** A real database with the product's own migrations, for tests: SQLite or PostgreSQL, as the run of the file says. */
import { type Database, sql } from '../../infra/database/port.js';
import { openTestDatabase, suiteEngine } from '../../infra/database/testing/engines.js';
import { projections } from '../index.js';
import { activate } from '../runner/checkpoints.js';

export const PARTITIONS = 4;

/** Ends with `close()`. Its projections are prepared, as after the first start. */
export async function openStore(): Promise<Database> {
  const { db, end } = await openTestDatabase(suiteEngine(), { partitions: PARTITIONS, inMemory: true });
  await db.tx(async (tx) => {
    for (const projection of projections) await activate(tx, projection, 0);
  });
  return {
    engine: db.engine,
    query: (query) => db.query(query),
    tx: (fn) => db.tx(fn),
    snapshot: (fn) => db.snapshot(fn),
    ping: () => db.ping(),
    close: end,
  };
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
    if (tx.engine === 'postgres') tables.push('archive_spans');
    for (const name of tables) await tx.query(sql`delete from ${sql.ident(name)}`);
    await tx.query(sql`update partitions set position = 0, log_cursor = null, hash = ${'0'.repeat(64)}`);
  });
}
