/** The runs that the database knows of, and which of them may be called dead. Only the database's clock counts. */
import { z } from 'zod';
import { databaseNow } from '../infra/database/databaseNow.js';
import { type Queryable, sql } from '../infra/database/port.js';

/** A run is taken for dead when its sign is older; its leases are swept after as long (design §7). */
export const DEAD_AFTER_MS = 15_000;

export type Health = 'healthy' | 'degraded' | 'unhealthy';

export interface NodeRun {
  readonly runId: string;
  readonly nodeId: string;
  readonly version: string;
  /** ms since epoch, the database's clock; `seenAt` likewise. */
  readonly startedAt: number;
  readonly seenAt: number;
  /** Age of the sign when it was read, ms. */
  readonly seenAgoMs: number;
  readonly redisUp: boolean;
  readonly health: Health;
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
  /** The live settings that its environment gives, as JSON. */
  readonly settings: string;
  /** Control position up to which the live settings are in force there; null: it does not say. */
  readonly settingsPosition: number | null;
  /** True when the database could not be asked: this is what it said last. */
  readonly stale: boolean;
}

/** What was read at one moment. */
export interface Roll {
  /** The database's clock, ms; 0 where there is no run. */
  readonly now: number;
  readonly runs: readonly NodeRun[];
}

const rowSchema = z.object({
  now: z.coerce.number(),
  run_id: z.string(),
  node_id: z.string(),
  version: z.string(),
  started_at: z.coerce.number(),
  seen_at: z.coerce.number(),
  redis_up: z.union([z.boolean(), z.number()]).transform(Boolean),
  health: z.enum(['healthy', 'degraded', 'unhealthy']).catch('unhealthy'),
  connections: z.coerce.number(),
  requests_last_minute: z.coerce.number(),
  leader: z.union([z.boolean(), z.number()]).transform(Boolean),
  settings: z.string(),
  settings_position: z.coerce.number().nullable(),
});

/** All runs, those of the last day that ended without a word included; newest starts first. */
export async function readRoll(db: Queryable): Promise<Roll> {
  const rows = await db.query(sql`
    select ${databaseNow(db.engine)} as now, run_id, node_id, version, started_at, seen_at, redis_up, health, connections,
      requests_last_minute, leader, settings, settings_position
    from node_runs order by started_at desc, run_id`);
  const parsed = rows.map((row) => rowSchema.parse(row));
  return { now: parsed[0]?.now ?? 0, runs: parsed.map(toRun) };
}

function toRun(row: z.output<typeof rowSchema>): NodeRun {
  return {
    runId: row.run_id,
    nodeId: row.node_id,
    version: row.version,
    startedAt: row.started_at,
    seenAt: row.seen_at,
    // Another connection may have written after this statement began.
    seenAgoMs: Math.max(0, row.now - row.seen_at),
    redisUp: row.redis_up,
    health: row.health,
    connections: row.connections,
    requestsLastMinute: row.requests_last_minute,
    leader: row.leader,
    settings: row.settings,
    settingsPosition: row.settings_position,
    stale: false,
  };
}

/** How unbroken our own signs are: after an outage of the database all others look dead. */
export interface OwnSigns {
  /** Database's clock at the last sign; null: none yet. */
  readonly last: number | null;
  /** Since when there was no gap. */
  readonly unbrokenSince: number;
  /** While our own signs are younger than one period, who was seen since then lives. */
  readonly floor: number;
}

/** More than two signs were missed. */
const GAP_MS = 5_000;

export const noSigns: OwnSigns = { last: null, unbrokenSince: 0, floor: Number.NEGATIVE_INFINITY };

/** After a sign of ours was written at `seenAt` (the database's clock). */
export function afterSign(own: OwnSigns, seenAt: number): OwnSigns {
  if (own.last === null) return { last: seenAt, unbrokenSince: seenAt, floor: Number.NEGATIVE_INFINITY };
  if (seenAt - own.last <= GAP_MS) return { ...own, last: seenAt };
  // A gap within the first period after another one: who lived before the first may live still.
  const wasSettled = own.last - own.unbrokenSince >= DEAD_AFTER_MS;
  return { last: seenAt, unbrokenSince: seenAt, floor: wasSettled ? own.last - DEAD_AFTER_MS : own.floor };
}

/**
 * Who is not known to be dead. Only a run whose own signs are unbroken for a whole period may call another dead: before
 * that, whoever lived when the signs broke off counts, and for a run that just began all that are left.
 */
export function livingOf({ now, runs }: Roll, own: OwnSigns): readonly NodeRun[] {
  const settled = own.last !== null && now - own.unbrokenSince >= DEAD_AFTER_MS;
  const least = settled ? now - DEAD_AFTER_MS : Math.min(now - DEAD_AFTER_MS, own.floor);
  return runs.filter(({ seenAt }) => seenAt >= least);
}
