/** Which tables make up an installation, from the database's own catalog: what a later migration adds is taken along by itself. */
import { type Queryable, sql } from '../../infra/database/port.js';
import type { ColumnType } from '../../infra/database/rows.js';

export interface Shape {
  readonly table: string;
  /** By name, in the order of names: the same on both engines. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns of the primary key, in order. */
  readonly key: readonly string[];
}

/** The archive and its heads travel by their own way; the rest belongs to running nodes, to one engine, or to the schema itself. */
const notCopied: readonly string[] = [
  'archive',
  'archive_spans',
  'partitions',
  'installation',
  'kirogate_migrations',
  'node_runs',
  'limits_home',
  'limits_facts',
  'limits_sends',
  'limits_ops',
  'limits_snapshots',
  // Of the secrets that nodes were started with: each installation notes its own.
  'vault_fingerprints',
];

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  /** Place in the primary key from 1; 0: not part of it. */
  readonly place: number;
}

export async function readShapes(db: Queryable): Promise<readonly Shape[]> {
  const columns = db.engine === 'sqlite' ? await sqliteColumns(db) : await postgresColumns(db);
  const tables = new Map<string, Column[]>();
  for (const column of columns) {
    // Scratch tables of rebuilds, and what a swap left behind.
    if (notCopied.includes(column.table) || column.table.includes('__')) continue;
    tables.set(column.table, [...(tables.get(column.table) ?? []), column]);
  }
  return [...tables]
    .map(([table, list]) => ({
      table,
      columns: Object.fromEntries(
        list.toSorted((a, b) => (a.column < b.column ? -1 : 1)).map(({ column, type }) => [column, typeOf(type)]),
      ),
      key: list
        .filter(({ place }) => place > 0)
        .toSorted((a, b) => a.place - b.place)
        .map(({ column }) => column),
    }))
    .toSorted((a, b) => (a.table < b.table ? -1 : 1));
}

function sqliteColumns(db: Queryable): Promise<Column[]> {
  return db.query<Column>(sql`
    select m.name as "table", c.name as "column", lower(c.type) as type, c.pk as place
    from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%'`);
}

function postgresColumns(db: Queryable): Promise<Column[]> {
  return db.query<Column>(sql`
    select c.relname as "table", a.attname as "column", format_type(a.atttypid, null) as type,
      coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1 as place
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`);
}

function typeOf(type: string): ColumnType {
  if (type.startsWith('bool')) return 'boolean';
  if (type.includes('int')) return 'bigint';
  if (type.startsWith('double') || type === 'real') return 'double';
  return 'text';
}
