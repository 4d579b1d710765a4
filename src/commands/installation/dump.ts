/** Reads an installation out, a page at a time, in one form for both engines: archive, read models, vault. Secrets stay sealed. */
import { archiveColumnNames, readArchiveRows } from '../../events/archiveCopy.js';
import { type PartitionHead, partitionHeads } from '../../events/archiveHeads.js';
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import { countByKey } from '../token/reseal.js';
import { readShapes, type Shape } from './shapes.js';
import { type Cell, createSums, type TableSum } from './sums.js';

export interface Facts {
  /** Of the newest migration. */
  readonly schema: number;
  readonly eventPartitions: number;
  /** ms since epoch, of the first start. */
  readonly createdAt: number;
  /** Encryption keys that stored credentials are under. */
  readonly keyIds: readonly string[];
  readonly heads: Readonly<Record<string, PartitionHead>>;
}

export interface Chunk {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Dump {
  readonly facts: Facts;
  /** To be read once, to its end. */
  chunks(): AsyncIterable<Chunk>;
  /** Of what `chunks` gave, once it has ended. */
  sums(): Readonly<Record<string, TableSum>>;
}

const PAGE = 500;

/** `db`: one snapshot of an installation, for as long as the dump is read. Throws when it holds none. */
export async function openDump(db: Queryable): Promise<Dump> {
  const facts = await readFacts(db);
  const sums = createSums();
  return {
    facts,
    async *chunks() {
      for await (const chunk of allChunks(db, facts)) {
        sums.add(chunk.table, chunk.columns, chunk.rows);
        yield chunk;
      }
    },
    sums: () => sums.result(),
  };
}

export async function readFacts(db: Queryable): Promise<Facts> {
  const [migration] = await db.query<{ version: number }>(sql`select max(version) as version from kirogate_migrations`);
  const [installation] = await db.query<{ event_partitions: number; created_at: number }>(
    sql`select event_partitions, created_at from installation where product = 'kirogate'`,
  );
  if (migration === undefined || installation === undefined) throw new Error('there is no installation in this database');
  return {
    schema: migration.version,
    eventPartitions: installation.event_partitions,
    createdAt: installation.created_at,
    keyIds: [...(await countByKey(db)).keys()],
    heads: Object.fromEntries(await partitionHeads(db)),
  };
}

async function* allChunks(db: Queryable, facts: Facts): AsyncGenerator<Chunk> {
  for (const [partition, { position: head }] of Object.entries(facts.heads)) {
    for (let after = 0; after < head; ) {
      const rows = await readArchiveRows(db, partition, after, PAGE);
      const last = rows.at(-1);
      if (last === undefined) throw new Error(`the archive ends at ${partition}/${after}, and should at ${head}`);
      const cells = rows.map((row) => archiveColumnNames.map((name) => (row as unknown as Record<string, Cell>)[name] ?? null));
      yield { table: 'archive', columns: archiveColumnNames, rows: cells };
      after = last.position;
    }
  }
  for (const shape of await readShapes(db)) yield* tableChunks(db, shape);
}

/** By the primary key, so that a table larger than memory is read in pages. */
export async function* tableChunks(db: Queryable, { table, columns, key }: Shape): AsyncGenerator<Chunk> {
  const names = Object.keys(columns);
  const list = (of: readonly string[]): SQLQuery =>
    sql.join(
      of.map((name) => sql.ident(name)),
      ', ',
    );
  let after: SQLQuery = sql`true`;
  for (;;) {
    const rows = await db.query<Record<string, Cell | boolean>>(
      sql`select ${list(names)} from ${sql.ident(table)} where ${after} order by ${list(key)} limit ${PAGE}`,
    );
    if (rows.length > 0) yield { table, columns: names, rows: rows.map((row) => names.map((name) => cellOf(row[name]))) };
    const last = rows.at(-1);
    if (rows.length < PAGE || last === undefined) return;
    after = sql`(${list(key)}) > (${sql.join(
      key.map((name) => sql`${last[name]}`),
      ', ',
    )})`;
  }
}

/** One engine has booleans, the other 0 and 1. */
function cellOf(value: Cell | boolean | undefined): Cell {
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}
