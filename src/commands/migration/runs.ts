/** How each import went, kept in the database so that every node can say it. */
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { safeText } from '../../shared/safeText.js';
import type { Progress } from './progress.js';
import type { MigrationReport } from './report.js';

export type RunStatus = 'running' | 'completed' | 'failed';

export interface MigrationRun extends Progress {
  readonly id: string;
  readonly status: RunStatus;
  readonly error: { readonly table: string | null; readonly reason: string } | null;
  readonly report: MigrationReport | null;
}

/** A run that says nothing for so long belongs to a process that ended: nothing of it was kept. */
const SILENT_MS = 15_000;
const KEPT_RUNS = 100;

interface Row {
  readonly id: string;
  readonly status: RunStatus;
  readonly updated_at: number;
  readonly tables_done: number;
  readonly tables_total: number;
  readonly rows_done: number;
  readonly rows_total: number;
  readonly error_table: string | null;
  readonly error_reason: string | null;
  readonly report: string | null;
}

export async function readRun(db: Queryable, id: string, now: number): Promise<MigrationRun | undefined> {
  const [row] = await db.query<Row>(sql`select id, status, updated_at, tables_done, tables_total, rows_done, rows_total,
    error_table, error_reason, report from migration_runs where id = ${id}`);
  if (row === undefined) return undefined;
  const progress = { tablesDone: row.tables_done, tablesTotal: row.tables_total, rowsDone: row.rows_done, rowsTotal: row.rows_total };
  if (row.status === 'running' && now - row.updated_at > SILENT_MS) {
    const error = { table: null, reason: 'the node that ran it ended before it was done; nothing of it was kept' };
    return { id, status: 'failed', ...progress, error, report: null };
  }
  const error = row.status === 'failed' ? { table: row.error_table, reason: row.error_reason ?? '' } : null;
  return { id, status: row.status, ...progress, error, report: row.report === null ? null : (JSON.parse(row.report) as MigrationReport) };
}

/** Makes or moves on the run's row; old rows go. */
export async function writeRun(db: Database, run: MigrationRun, now: number): Promise<void> {
  const { id, status, tablesDone, tablesTotal, rowsDone, rowsTotal, error, report } = run;
  const reason = error === null ? null : safeText(error.reason, 1_000);
  await db.tx(async (tx) => {
    await tx.query(sql`
      insert into migration_runs (id, status, started_at, updated_at, tables_done, tables_total, rows_done, rows_total, error_table, error_reason, report)
      values (${id}, ${status}, ${now}, ${now}, ${tablesDone}, ${tablesTotal}, ${rowsDone}, ${rowsTotal}, ${error?.table ?? null}, ${reason},
        ${report === null ? null : JSON.stringify(report)})
      on conflict (id) do update set status = excluded.status, updated_at = excluded.updated_at, tables_done = excluded.tables_done,
        tables_total = excluded.tables_total, rows_done = excluded.rows_done, rows_total = excluded.rows_total,
        error_table = excluded.error_table, error_reason = excluded.error_reason, report = excluded.report`);
    await tx.query(
      sql`delete from migration_runs where id not in (select id from migration_runs order by started_at desc, id limit ${KEPT_RUNS})`,
    );
  });
}
