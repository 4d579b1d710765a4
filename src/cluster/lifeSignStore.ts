/** What a life sign writes: this run's row, by the database's clock. */
import { databaseNow } from '../infra/database/databaseNow.js';
import { type Database, type Queryable, sql } from '../infra/database/port.js';
import { type Health, type Roll, readRoll } from './nodeRun.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export interface Sign {
  readonly runId: string;
  readonly nodeId: string;
  readonly version: string;
  readonly redisUp: boolean;
  readonly health: Health;
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
  readonly settings: string;
  readonly settingsPosition: number | null;
}

/** What was composed longer ago says nothing of now: a statement may wait in a server that stands still. */
const LATE_MS = 2_500;

/**
 * Writes the sign and reads all runs. `composedAt`: when it was composed, by the database's clock as far as that is known.
 * `seenAt`: the database's clock at this sign; null: it came too late and was not written.
 */
export async function writeSign(db: Database, sign: Sign, composedAt: number | null): Promise<{ seenAt: number | null; roll: Roll }> {
  return db.tx(async (tx) => {
    const now = databaseNow(tx.engine);
    const isFresh =
      composedAt === null
        ? sql`true`
        : sql`${now} - cast(${Math.floor(composedAt)} as bigint) <= ${sql.__dangerous__rawValue(`${LATE_MS}`)}`;
    const [row] = await tx.query<{ seen_at: number | string }>(sql`
      insert into node_runs (run_id, node_id, version, started_at, seen_at, redis_up, health, connections, requests_last_minute, leader, settings,
        settings_position)
      values (${sign.runId}, ${sign.nodeId}, ${sign.version}, ${now}, ${now}, ${sign.redisUp}, ${sign.health}, ${sign.connections},
        ${sign.requestsLastMinute}, ${sign.leader}, ${sign.settings}, cast(${sign.settingsPosition} as bigint))
      on conflict (run_id) do update set seen_at = excluded.seen_at, redis_up = excluded.redis_up, health = excluded.health,
        connections = excluded.connections, requests_last_minute = excluded.requests_last_minute, leader = excluded.leader,
        settings_position = excluded.settings_position
      where ${isFresh}
      returning seen_at`);
    return { seenAt: row === undefined ? null : Number(row.seen_at), roll: await readRoll(tx) };
  });
}

/** Ends the row of a run that stops in order. */
export async function removeRun(db: Queryable, runId: string): Promise<void> {
  await db.query(sql`delete from node_runs where run_id = ${runId}`);
}

/** What nobody needs any more: rows of a day ago, and of this node's runs that crashed, so that a crash loop leaves few. */
export async function pruneRuns(db: Queryable, nodeId: string): Promise<void> {
  const now = databaseNow(db.engine);
  await db.query(sql`
    delete from node_runs
    where seen_at < ${now} - ${sql.__dangerous__rawValue(`${DAY_MS}`)}
      or (node_id = ${nodeId} and seen_at < ${now} - ${sql.__dangerous__rawValue(`${MINUTE_MS}`)})`);
}
