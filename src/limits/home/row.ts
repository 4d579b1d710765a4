/** The cluster's word on where the limits live: one row in the database, changed by compare and set. */
import { databaseNow } from '../../infra/database/databaseNow.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { writeSnapshot } from '../database/store.js';
import { type Facts, factsSchema } from '../facts.js';
import type { LimitsState } from '../transfer.js';

export type Place = 'redis' | 'database';

export interface HomeRow {
  readonly term: number;
  readonly home: Place;
  readonly state: 'collecting' | 'open';
  /** The Redis that holds this term, and what its keys begin with; null: none. */
  readonly redisRunId: string | null;
  readonly root: string | null;
  /** The term in the database that this one goes on from; null: it was put together from facts. */
  readonly fromTerm: number | null;
}

/** Facts are kept for so many terms, so that it stays known who took part. */
const TERMS_KEPT = 8;

export async function readHome(db: Queryable): Promise<HomeRow> {
  const [row] = await db.query<HomeRow>(sql`select term, home, state, redis_run_id as ${sql.ident('redisRunId')}, root,
    from_term as ${sql.ident('fromTerm')} from limits_home where one = 1`);
  if (row === undefined) throw new Error('limits_home has lost its row');
  return row;
}

/** Begins the next term, unless somebody else has: false. */
export async function changeHome(db: Database, term: number, home: Place): Promise<boolean> {
  const rows = await db.tx((tx) =>
    tx.query(sql`update limits_home set term = term + 1, home = ${home}, state = 'collecting', redis_run_id = null, root = null,
      from_term = case when state = 'collecting' then from_term when home = 'database' then term else null end,
      changed_at = ${databaseNow(db.engine)} where one = 1 and term = ${term} returning term`),
  );
  return rows.length > 0;
}

/** Tells this run's facts for a term that still collects. `factsAt`: from the database's clock. False: the term is over. */
export function tellFacts(db: Database, term: number, runId: string, factsAt: (now: number) => Facts): Promise<boolean> {
  return db.tx(async (tx) => {
    const [row] = await tx.query<{ now: number }>(
      sql`select ${databaseNow(tx.engine)} as now from limits_home where one = 1 and term = ${term} and state = 'collecting'`,
    );
    if (row === undefined) return false;
    await tx.query(sql`insert into limits_facts (term, run_id, facts) values (${term}, ${runId}, ${JSON.stringify(factsAt(row.now))})
      on conflict (term, run_id) do nothing`);
    await tx.query(sql`delete from limits_facts where term < ${term - TERMS_KEPT}`);
    return true;
  });
}

export async function readFacts(db: Queryable, term: number): Promise<{ runId: string; facts: Facts }[]> {
  const rows = await db.query<{ run_id: string; facts: string }>(
    sql`select run_id, facts from limits_facts where term = ${term} order by run_id`,
  );
  return rows.map(({ run_id, facts }) => ({ runId: run_id, facts: factsSchema.parse(JSON.parse(facts)) }));
}

/** Runs that told facts for the term. */
export async function toldRuns(db: Queryable, term: number): Promise<ReadonlySet<string>> {
  return new Set(
    (await db.query<{ run_id: string }>(sql`select run_id from limits_facts where term = ${term}`)).map(({ run_id }) => run_id),
  );
}

/** Runs that took part in any term after this one. */
export async function runsSince(db: Queryable, term: number): Promise<ReadonlySet<string>> {
  return new Set(
    (await db.query<{ run_id: string }>(sql`select distinct run_id from limits_facts where term > ${term}`)).map(({ run_id }) => run_id),
  );
}

export async function readClock(db: Queryable): Promise<number> {
  const [row] = await db.query<{ now: number }>(sql`select ${databaseNow(db.engine)} as now`);
  return row?.now ?? 0;
}

/** Opens the term in the database with this state, at once or not at all. False: somebody else did, or it is over. */
export function openInDatabase(db: Database, term: number, state: LimitsState): Promise<boolean> {
  return db.tx(async (tx) => {
    const rows = await tx.query(sql`update limits_home set state = 'open', ops_seq = 0, ops_floor = 0, snapshot_seq = 0,
      changed_at = ${databaseNow(tx.engine)} where one = 1 and term = ${term} and state = 'collecting' and home = 'database' returning term`);
    if (rows.length === 0) return false;
    await tx.query(sql`delete from limits_ops where term < ${term}`);
    await tx.query(sql`delete from limits_snapshots where term < ${term}`);
    await writeSnapshot(tx, term, 0, state);
    return true;
  });
}

/** Opens the term in Redis, where `root` has been filled. False: somebody else did, or it is over. */
export function openInRedis(db: Database, term: number, redisRunId: string, root: string): Promise<boolean> {
  return db.tx(async (tx) => {
    const rows = await tx.query(sql`update limits_home set state = 'open', redis_run_id = ${redisRunId}, root = ${root},
      changed_at = ${databaseNow(tx.engine)} where one = 1 and term = ${term} and state = 'collecting' and home = 'redis' returning term`);
    if (rows.length === 0) return false;
    await tx.query(sql`delete from limits_ops where term < ${term}`);
    await tx.query(sql`delete from limits_snapshots where term < ${term}`);
    return true;
  });
}
