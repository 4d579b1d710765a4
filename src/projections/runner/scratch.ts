/** Scratch tables for a rebuild: like the live ones, indices too, made from the database's own catalog. */
import { type Queryable, type SQLQuery, sql } from '../../infra/database/port.js';
import type { Projection, TableName } from '../define.js';

export interface ScratchName {
  /** What is built, for example `__next`. */
  readonly kind: string;
  /** With a part that no other build has. */
  readonly suffix: string;
}

/** Names of a projection's tables with a suffix, for example `activity__next`. */
export function suffixed(suffix: string): TableName {
  return (name) => sql.ident(name + suffix);
}

/** `suffix` begins with `kind`; what earlier, broken-off builds of the kind left is dropped. One still at work fails, and changes nothing. */
export async function createScratch(tx: Queryable, projection: Projection, { kind, suffix }: ScratchName): Promise<void> {
  for (const { name } of projection.tables) {
    for (const left of await tablesLike(tx, name + kind)) await tx.query(sql`drop table if exists ${sql.ident(left)}`);
    if (tx.engine === 'postgres') await tx.query(sql`create table ${sql.ident(name + suffix)} (like ${sql.ident(name)} including all)`);
    else await cloneSqlite(tx, name, suffix);
  }
}

async function tablesLike(tx: Queryable, prefix: string): Promise<string[]> {
  const tables =
    tx.engine === 'postgres'
      ? sql`select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace`
      : sql`select name from sqlite_master where type = 'table'`;
  const rows = await tx.query<{ name: string }>(sql`select name from (${tables}) as t where substr(name, 1, ${prefix.length}) = ${prefix}`);
  return rows.map(({ name }) => name);
}

export async function dropScratch(tx: Queryable, projection: Projection, suffix: string): Promise<void> {
  for (const { name } of projection.tables) await tx.query(sql`drop table if exists ${sql.ident(name + suffix)}`);
}

/** The scratch tables become the live ones; the old ones stay as `<table>__previous` until the next swap. */
export async function swapScratch(tx: Queryable, projection: Projection, suffix: string): Promise<void> {
  for (const { name } of projection.tables) {
    await tx.query(sql`drop table if exists ${sql.ident(`${name}__previous`)}`);
    await tx.query(sql`alter table ${sql.ident(name)} rename to ${sql.ident(`${name}__previous`)}`);
    await tx.query(sql`alter table ${sql.ident(name + suffix)} rename to ${sql.ident(name)}`);
  }
}

interface Definition {
  readonly type: 'table' | 'index';
  readonly name: string;
  readonly sql: string;
}

/** The catalog's text names the table once behind `create table` and once behind `on`; only those are replaced. */
async function cloneSqlite(tx: Queryable, name: string, suffix: string): Promise<void> {
  const definitions = await tx.query<Definition>(
    sql`select type, name, sql from sqlite_master where tbl_name = ${name} and type in ('table', 'index') and sql is not null order by type desc, name`,
  );
  if (!definitions.some(({ type }) => type === 'table')) throw new Error(`there is no table ${name}: run the migrations first`);
  const taken = new Set(
    (await tx.query<{ name: string }>(sql`select name from sqlite_master where type = 'index'`)).map((row) => row.name),
  );
  for (const definition of definitions) {
    if (definition.type === 'table') await tx.query(raw(definition.sql.replace(tableHead, `create table "${name}${suffix}"`)));
    else {
      const index = freeName(definition.name, taken);
      taken.add(index);
      const unique = /^\s*create\s+unique/i.test(definition.sql) ? 'unique ' : '';
      await tx.query(raw(definition.sql.replace(indexHead, `create ${unique}index "${index}" on "${name}${suffix}"`)));
    }
  }
}

const tableHead = /^\s*create\s+table\s+("[^"]+"|\w+)/i;
const indexHead = /^\s*create\s+(?:unique\s+)?index\s+("[^"]+"|\w+)\s+on\s+("[^"]+"|\w+)/i;

/** Index names are unique in the whole database and stay with a renamed table: each generation gets the next free number. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  const base = name.replace(/__\d+$/, '');
  for (let generation = 1; ; generation += 1) if (!taken.has(`${base}__${generation}`)) return `${base}__${generation}`;
}

/** Our own migrations' text as the catalog has it, with names of ours put in: no foreign input. */
function raw(text: string): SQLQuery {
  return sql.__dangerous__rawValue(text);
}
