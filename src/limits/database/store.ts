/** The tables of the limits that live in the database: one locked row, batches of operations behind it, snapshots. */
import { databaseNow } from '../../infra/database/databaseNow.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { type LimitsState, limitsStateSchema } from '../transfer.js';
import { decodeOps, encodeOps, type LimitsOp } from './ops.js';

/** The limits do not live here (any more), or not in this term. */
export class MovedError extends Error {
  override readonly name = 'MovedError';
}

export interface Locked {
  /** Database's clock, ms since epoch. */
  readonly now: number;
  /** Number of the batch that may be written now. */
  readonly seq: number;
  /** Operations up to this one are only in the snapshot. */
  readonly floor: number;
  readonly snapshot: number;
}

export interface Batch {
  readonly seq: number;
  readonly run: string;
  readonly at: number;
  readonly ops: readonly LimitsOp[];
}

/** Takes the lock that every decision is made under, and the next number. Throws MovedError. */
export async function lockTerm(tx: Queryable, term: number): Promise<Locked> {
  const [row] = await tx.query<{ term: number; home: string; state: string; seq: number; floor: number; snapshot: number; now: number }>(
    sql`update limits_home set ops_seq = ops_seq + 1 where one = 1
      returning term, home, state, ops_seq as seq, ops_floor as floor, snapshot_seq as snapshot, ${databaseNow(tx.engine)} as now`,
  );
  if (row === undefined || row.term !== term || row.home !== 'database' || row.state !== 'open') {
    throw new MovedError('the limits live elsewhere');
  }
  return row;
}

/** Batches after `seq`, in order. */
export async function readBatches(db: Queryable, term: number, seq: number): Promise<readonly Batch[]> {
  const rows = await db.query<{ seq: number; run_id: string; at: number; ops: string }>(
    sql`select seq, run_id, at, ops from limits_ops where term = ${term} and seq > ${seq} order by seq`,
  );
  return rows.map(({ seq, run_id, at, ops }) => ({ seq, run: run_id, at, ops: decodeOps(ops) }));
}

/** Batches after `seq`, without the lock. Undefined: some of them are only in the snapshot. Throws MovedError. */
export function readOn(db: Database, term: number, seq: number): Promise<readonly Batch[] | undefined> {
  return db.snapshot(async (tx) => {
    const [row] = await tx.query<{ term: number; floor: number }>(sql`select term, ops_floor as floor from limits_home where one = 1`);
    if (row?.term !== term) throw new MovedError('the limits live elsewhere');
    return row.floor > seq ? undefined : readBatches(tx, term, seq);
  });
}

export async function writeBatch(tx: Queryable, term: number, { seq, run, at, ops }: Batch): Promise<void> {
  await tx.query(sql`insert into limits_ops (term, seq, run_id, at, ops) values (${term}, ${seq}, ${run}, ${at}, ${encodeOps(ops)})`);
}

export interface Loaded {
  readonly seq: number;
  readonly state: LimitsState;
  readonly batches: readonly Batch[];
  readonly now: number;
}

/** The newest snapshot of the term and what came after it, in one view. Undefined: there is none. */
export function loadTerm(db: Database, term: number): Promise<Loaded | undefined> {
  return db.snapshot(async (tx) => {
    const [row] = await tx.query<{ seq: number; state: string; now: number }>(
      sql`select seq, state, ${databaseNow(tx.engine)} as now from limits_snapshots where term = ${term} order by seq desc limit 1`,
    );
    if (row === undefined) return undefined;
    const batches = await readBatches(tx, term, row.seq);
    return { seq: row.seq, state: limitsStateSchema.parse(JSON.parse(row.state)), batches, now: row.now };
  });
}

export async function writeSnapshot(tx: Queryable, term: number, seq: number, state: LimitsState): Promise<void> {
  await tx.query(
    sql`insert into limits_snapshots (term, seq, state) values (${term}, ${seq}, ${JSON.stringify(state)}) on conflict (term, seq) do nothing`,
  );
}

/** Makes the snapshot known, and lets go what the one before it holds: nodes a little behind still find their operations. */
export async function adoptSnapshot(db: Database, term: number, seq: number): Promise<void> {
  await db.tx(async (tx) => {
    const { snapshot } = await lockTerm(tx, term);
    if (snapshot >= seq) return;
    await tx.query(sql`update limits_home set snapshot_seq = ${seq}, ops_floor = ${snapshot} where one = 1`);
    await tx.query(sql`delete from limits_ops where term = ${term} and seq <= ${snapshot}`);
    await tx.query(sql`delete from limits_snapshots where term = ${term} and seq < ${snapshot}`);
  });
}
