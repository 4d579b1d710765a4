/** Takes an old KiroGate in: reads it whole, decides, writes everything in one transaction, and says what became of each row. */

import { CONTROL_PARTITION } from '../../events/define.js';
import type { Database, Queryable } from '../../infra/database/port.js';
import { isPasswordRecord } from '../../infra/passwords.js';
import { retryCollisions } from '../../projections/runner/collisions.js';
import { lockPartitions } from '../../projections/runner/locks.js';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import type { Settings } from '../../shared/settings.js';
import { decided } from '../define.js';
import { atTable, type MigrationFault, rethrowBusy } from './fault.js';
import { readKnown } from './known.js';
import type { OldInstallation, TakenTable } from './old/read.js';
import { createOldSecrets, type OldSecrets } from './old/secrets.js';
import { type Plan, type PlannedRow, type PlanTools, planMigration } from './plan.js';
import type { MigrationReport } from './report.js';
import { type Envelope, type WriteDeps, writeEvents, writeRemembered, writeRows } from './write.js';

export interface ImportDeps extends WriteDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Settings as the environment has them. */
  readonly defaults: Settings;
  readonly parseCredential: PlanTools['parseCredential'];
  /** Hears of the control position of the last event, once it is committed. */
  readonly committed?: (position: number) => Promise<void>;
}

export interface ImportOptions {
  /** Names the run in events. */
  readonly id: string;
  readonly origin: 'upload' | 'path';
  readonly actor: string;
  readonly correlationId?: string | undefined;
  readonly dryRun: boolean;
  /** TOKEN_ENCRYPT_KEYs to try, before those that were published. */
  readonly keys: readonly string[];
  /** Auth region of credentials that name none. */
  readonly region?: string | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
}

/**
 * `source.metrics` may be null. Safe while nodes serve; a second run changes nothing. Throws MigrationFault: then nothing was
 * kept, and `kirogate.migration.failed` says so unless the target itself cannot be written.
 */
export async function importOld(read: () => Promise<OldInstallation>, deps: ImportDeps, options: ImportOptions): Promise<MigrationReport> {
  const began = deps.clock.monotonic();
  try {
    const old = await read();
    const secrets = createOldSecrets(options.keys);
    const progress = createProgress(old, options.onProgress);
    if (options.dryRun) return (await deps.db.snapshot((tx) => makePlan(tx, old, secrets, deps, options))).finish(true);
    const { plan, position } = await retryCollisions(() =>
      deps.db.tx(async (tx) => {
        progress.restart();
        return transact(tx, { old, secrets, began, progress }, deps, options);
      }),
    );
    if (position !== null) await deps.committed?.(position);
    progress.finish();
    return plan.finish(false);
  } catch (error) {
    const fault = atTable(null, error);
    if (!options.dryRun) await recordFailure(deps, options, fault, deps.clock.monotonic() - began);
    throw fault;
  }
}

interface Run {
  readonly old: OldInstallation;
  readonly secrets: OldSecrets;
  readonly began: number;
  readonly progress: ProgressCount;
}

async function transact(
  tx: Queryable,
  run: Run,
  deps: ImportDeps,
  options: ImportOptions,
): Promise<{ plan: Plan; position: number | null }> {
  await lockPartitions(tx, [CONTROL_PARTITION]);
  const plan = await makePlan(tx, run.old, run.secrets, deps, options);
  run.progress.skip(plan.rows);
  let position: number | null = null;
  if (plan.rows.length > 0) {
    const envelope = envelopeOf(options, 'system');
    const told = envelopeOf(options, options.actor);
    await writeEvents(tx, [started(run, deps, options)], deps, told);
    await writeRows(tx, plan.rows, deps, envelope, (rows) => run.progress.add(rows));
    position = await writeEvents(tx, [completed(run, plan, deps, options)], deps, told);
  }
  try {
    await writeRemembered(tx, plan.remember);
  } catch (error) {
    rethrowBusy(error);
    throw atTable('imported_rows', error);
  }
  return { plan, position };
}

async function makePlan(tx: Queryable, old: OldInstallation, secrets: OldSecrets, deps: ImportDeps, options: ImportOptions): Promise<Plan> {
  const known = await readKnown(tx, old, secrets, deps.defaults);
  return planMigration(old, known, {
    now: deps.clock.now(),
    newId: () => deps.ids.short(),
    secrets,
    parseCredential: deps.parseCredential,
    isPasswordRecord,
    region: options.region,
  });
}

function envelopeOf({ id, correlationId }: ImportOptions, actor: string): Envelope {
  return { actor, correlationId: correlationId ?? null, causationId: `migration/${id}` };
}

const rowsOfAll = (old: OldInstallation): number => [...old.tables.values()].reduce((sum, rows) => sum + rows.length, 0);

function started({ old }: Run, { clock }: ImportDeps, { id, origin }: ImportOptions) {
  const data = { origin, tables: old.tables.size, rows: rowsOfAll(old) };
  return { ...decided('kirogate.migration.started', `migration/${id}`, data), at: clock.now() };
}

function completed({ began }: Run, plan: Plan, { clock }: ImportDeps, { id }: ImportOptions) {
  const tables = new Set(plan.rows.map(({ table }) => table)).size;
  const data = { tables, rows: plan.rows.length, durationMs: Math.round(clock.monotonic() - began) };
  return { ...decided('kirogate.migration.completed', `migration/${id}`, data), at: clock.now() };
}

/** Beside what was rolled back; a target that cannot be written cannot be told either. */
async function recordFailure(deps: ImportDeps, options: ImportOptions, fault: MigrationFault, durationMs: number): Promise<void> {
  const data = { table: fault.table?.slice(0, 100) ?? null, reason: fault.reason, durationMs: Math.round(durationMs) };
  const event = { ...decided('kirogate.migration.failed', `migration/${options.id}`, data), at: deps.clock.now() };
  try {
    const position = await retryCollisions(() =>
      deps.db.tx(async (tx) => {
        await lockPartitions(tx, [CONTROL_PARTITION]);
        return writeEvents(tx, [event], deps, envelopeOf(options, options.actor));
      }),
    );
    if (position !== null) await deps.committed?.(position);
  } catch {
    // The fault itself goes to the caller either way.
  }
}

interface ProgressCount {
  restart(): void;
  /** Rows that need nothing are done at once. */
  skip(planned: readonly PlannedRow[]): void;
  add(rows: readonly PlannedRow[]): void;
  finish(): void;
}

function createProgress(old: OldInstallation, tell: ImportOptions['onProgress']): ProgressCount {
  const rowsTotal = rowsOfAll(old);
  const tablesTotal = old.tables.size;
  let left = new Map<TakenTable, number>();
  let rowsDone = 0;
  const report = (): void => {
    const waiting = [...left.values()].filter((rows) => rows > 0).length;
    tell?.({ tablesDone: tablesTotal - waiting, tablesTotal, rowsDone, rowsTotal });
  };
  return {
    restart() {
      rowsDone = 0;
      left = new Map([...old.tables].map(([table, rows]) => [table, rows.length]));
      report();
    },
    skip(planned) {
      left = new Map();
      for (const { table } of planned) left.set(table, (left.get(table) ?? 0) + 1);
      rowsDone = rowsTotal - planned.length;
      report();
    },
    add(rows) {
      for (const { table } of rows) left.set(table, (left.get(table) ?? 0) - 1);
      rowsDone += rows.length;
      report();
    },
    finish() {
      left = new Map();
      rowsDone = rowsTotal;
      report();
    },
  };
}
