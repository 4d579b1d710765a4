/** Takes an old KiroGate in: reads it whole, decides, writes everything in one transaction, and says what became of each row. */

import { CONTROL_PARTITION } from '../../events/define.js';
import { DatabaseError } from '../../infra/database/errors.js';
import type { Database, Queryable } from '../../infra/database/port.js';
import { isPasswordRecord } from '../../infra/passwords.js';
import { retryCollisions } from '../../projections/runner/collisions.js';
import { bearPauses, lockPartitions } from '../../projections/runner/locks.js';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import type { Settings } from '../../shared/settings.js';
import { decided } from '../define.js';
import { atTable, type MigrationFault } from './fault.js';
import { isSame, type KnownHere, readKnown, type Wanted, wantedOf } from './known.js';
import type { OldInstallation } from './old/read.js';
import { createOldSecrets, type OldSecrets } from './old/secrets.js';
import { type Known, type Plan, type PlanTools, planMigration } from './plan.js';
import { createProgress, type Progress, type ProgressCount, rowsOfAll } from './progress.js';
import type { MigrationReport } from './report.js';
import { inSlices, STILL_MS, tellStandstill } from './steady.js';
import { type Envelope, type WriteDeps, writeEvents, writeRemembered, writeRows } from './write.js';

export interface ImportDeps extends WriteDeps {
  readonly db: Pick<Database, 'tx' | 'snapshot'>;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Settings as the environment has them. */
  readonly defaults: Settings;
  readonly parseCredential: PlanTools['parseCredential'];
  /** The last thing in the run's own transaction; what it writes is kept or undone with the rows. */
  readonly beforeCommit?: (tx: Queryable) => Promise<void>;
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

/**
 * `source.metrics` may be null. Safe while nodes serve; a second run changes nothing. Throws MigrationFault: then nothing was
 * kept, and `kirogate.migration.failed` says so unless the target itself cannot be written.
 */
export async function importOld(read: () => Promise<OldInstallation>, deps: ImportDeps, options: ImportOptions): Promise<MigrationReport> {
  const began = deps.clock.monotonic();
  let progress: ProgressCount | undefined;
  try {
    const old = await read();
    const secrets = createOldSecrets(options.keys);
    const count = createProgress(old, options.onProgress);
    progress = count;
    // Planned beside everybody else's work: the lock of all commands is held only while rows are written.
    const draft = await deps.db.snapshot((tx) => makeDraft(tx, old, secrets, deps, options));
    if (options.dryRun) {
      count.finish();
      return draft.plan.finish(true);
    }
    const { plan, position } = await retryCollisions(() =>
      deps.db.tx(async (tx) => {
        count.restart();
        return transact(tellStandstill(tx, deps.clock), { old, secrets, draft, began, progress: count }, deps, options);
      }),
    );
    if (position !== null) await deps.committed?.(position);
    count.finish();
    return plan.finish(false);
  } catch (error) {
    // SQLite may find the disk full only when it writes out what it held in memory, at the latest when all of it is committed.
    const fault = atTable(error instanceof DatabaseError ? (progress?.heaviest() ?? null) : null, error);
    if (!options.dryRun) await recordFailure(deps, options, fault, deps.clock.monotonic() - began);
    throw fault;
  }
}

interface Run {
  readonly old: OldInstallation;
  readonly secrets: OldSecrets;
  readonly draft: Draft;
  readonly began: number;
  readonly progress: ProgressCount;
}

/** A plan, and what it was made by. */
interface Draft {
  readonly wanted: Wanted;
  readonly known: KnownHere;
  readonly plan: Plan;
}

async function transact(
  tx: Queryable,
  run: Run,
  deps: ImportDeps,
  options: ImportOptions,
): Promise<{ plan: Plan; position: number | null }> {
  await lockPartitions(tx, [CONTROL_PARTITION]);
  await bearPauses(tx, STILL_MS);
  const plan = await settle(tx, run, deps, options);
  run.progress.skip(plan.rows);
  let position: number | null = null;
  if (plan.rows.length > 0) {
    const envelope = envelopeOf(options, 'system');
    const told = envelopeOf(options, options.actor);
    await writeEvents(tx, [started(run, deps, options)], deps, told);
    await writeRows(tx, plan.rows, deps, envelope, (rows) => run.progress.add(rows));
    position = await writeEvents(tx, [completed(run, plan, deps, options)], deps, told);
  }
  await writeRemembered(tx, plan.remember);
  await deps.beforeCommit?.(tx);
  return { plan, position };
}

async function makeDraft(
  tx: Queryable,
  old: OldInstallation,
  secrets: OldSecrets,
  deps: ImportDeps,
  options: ImportOptions,
): Promise<Draft> {
  const wanted = await inSlices(wantedOf(old, secrets), deps.clock, tx);
  const known = await readKnown(tx, wanted, deps.defaults);
  return { wanted, known, plan: await makePlan(tx, old, known, secrets, deps, options) };
}

/** The draft, unless somebody has changed meanwhile what it was made by. */
async function settle(tx: Queryable, { old, secrets, draft }: Run, deps: ImportDeps, options: ImportOptions): Promise<Plan> {
  const known = await readKnown(tx, draft.wanted, deps.defaults);
  return isSame(known, draft.known) ? draft.plan : makePlan(tx, old, known, secrets, deps, options);
}

function makePlan(
  tx: Queryable,
  old: OldInstallation,
  known: Known,
  secrets: OldSecrets,
  deps: ImportDeps,
  options: ImportOptions,
): Promise<Plan> {
  const steps = planMigration(old, known, {
    now: deps.clock.now(),
    newId: () => deps.ids.short(),
    secrets,
    parseCredential: deps.parseCredential,
    isPasswordRecord,
    region: options.region,
  });
  return inSlices(steps, deps.clock, tx);
}

function envelopeOf({ id, correlationId }: ImportOptions, actor: string): Envelope {
  return { actor, correlationId: correlationId ?? null, causationId: `migration/${id}` };
}

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
