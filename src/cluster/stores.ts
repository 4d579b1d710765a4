/** What a node is to the outside while stores are lost (spec R10): a pure rule over what it sees and what the others say. */
import type { Health, NodeRun } from './nodeRun.js';

export type StoreName = 'postgres' | 'redis';

/** What the other living runs say of Redis. */
export type Others =
  /** Somebody has it, and said so late enough to have noticed what this node noticed. */
  | 'have'
  /** Nobody has it, or there is nobody else. */
  | 'lost'
  /** Those who said they had it may not have noticed yet. */
  | 'undecided'
  /** The database cannot be asked. */
  | 'unknown';

export interface StoreFacts {
  readonly redisUp: boolean;
  readonly databaseUp: boolean;
  readonly others: Others;
}

export interface StoreState {
  readonly redis: 'connected' | 'disconnected';
  readonly postgres: 'connected' | 'disconnected';
  /** For /health: `unhealthy` is 503, `degraded` 200. */
  readonly health: Health;
  /** Alone without Redis: `/v1` answers 503, and the listener is closed while this lasts. */
  readonly cutOff: boolean;
}

export const allWell: StoreState = { redis: 'connected', postgres: 'connected', health: 'healthy', cutOff: false };

/** Where others cannot be asked, or cannot know yet, a node stays as cut off as it was. */
export function nextState(before: StoreState, { redisUp, databaseUp, others }: StoreFacts): StoreState {
  const stores = { redis: word(redisUp), postgres: word(databaseUp) } as const;
  if (redisUp) return { ...stores, health: databaseUp ? 'healthy' : 'unhealthy', cutOff: false };
  const cutOff = others === 'have' || (others !== 'lost' && before.cutOff);
  return { ...stores, health: databaseUp && !cutOff ? 'degraded' : 'unhealthy', cutOff };
}

const word = (up: boolean): 'connected' | 'disconnected' => (up ? 'connected' : 'disconnected');

/** A store is lost after 2 s, and others may notice up to 2 s later: before that, their word for having it proves nothing. */
const CONFIRM_MS = 4_000;

/** Nodes come back to a Redis that all had lost one by one: each tries every 5 s at the latest, and tells within 2 s. */
const RETURN_MS = 7_000;

export interface OthersSeen {
  readonly runId: string;
  readonly living: readonly NodeRun[];
  /** When `living` was read, monotonic ms. */
  readonly readAt: number;
  /** When Redis last answered this node, monotonic ms. */
  readonly redisAnsweredAt: number;
  /** When all others were last known to have lost Redis as well, monotonic ms; null: never in this outage. */
  readonly allLostAt: number | null;
  readonly databaseUp: boolean;
}

export function othersOf({ runId, living, readAt, redisAnsweredAt, allLostAt, databaseUp }: OthersSeen): Others {
  if (!databaseUp || living.some(({ stale }) => stale)) return 'unknown';
  const having = living.filter((run) => run.runId !== runId && run.redisUp);
  if (having.length === 0) return 'lost';
  const provenFrom = Math.max(redisAnsweredAt + CONFIRM_MS, allLostAt === null ? Number.NEGATIVE_INFINITY : allLostAt + RETURN_MS);
  return having.some(({ seenAgoMs }) => readAt - seenAgoMs >= provenFrom) ? 'have' : 'undecided';
}

/** For the log: what changed and what follows from it; null: nothing worth a line. */
export function describeChange(before: StoreState, after: StoreState): { readonly level: 'warn' | 'info'; readonly text: string } | null {
  const changed = (['redis', 'postgres'] as const).filter((store) => before[store] !== after[store]);
  if (changed.length === 0 && before.cutOff === after.cutOff && before.health === after.health) return null;
  const names = { redis: 'Redis', postgres: 'PostgreSQL' } as const;
  const parts = changed.map((store) => `${names[store]} is ${after[store] === 'connected' ? 'back' : 'lost'}`);
  const isWell = after.redis === 'connected' && after.postgres === 'connected';
  return { level: isWell ? 'info' : 'warn', text: [...parts, consequenceOf(after)].join('; ') };
}

function consequenceOf({ redis, postgres, health, cutOff }: StoreState): string {
  if (cutOff) return 'other nodes have Redis: this one is cut off and serves nobody';
  if (redis === 'disconnected' && postgres === 'disconnected') return 'new requests are refused until a store is back';
  if (redis === 'disconnected') return `the service goes on without Redis (${health})`;
  if (postgres === 'disconnected') return 'requests are served while their events fit the backlog';
  return 'all stores answer';
}
