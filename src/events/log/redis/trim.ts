/** Keeps the streams small: what is archived goes when it is old, or when the streams exceed their share of the memory; nothing else ever. */
import type { RedisConnection } from '../../../infra/redis/connection.js';
import type { Clock } from '../../../shared/clock.js';
import { compareIds, followingId, isStreamId, msOfId, START, streamKey } from './keys.js';

/** The streams' share of `maxmemory`. */
const SHARE = 0.25;
/** Trimmed down to this part of the share, so that being over it says that unarchived entries alone fill it. */
const TARGET = 0.9;
/** Entries that one command drops at most; a longer one would hold up everybody. */
const AT_ONCE = 10_000;
const MOST_ROUNDS = 1_000;
const MEASURE_MS = 5_000;

export interface StreamMemory {
  /** All streams of the log, about. */
  readonly bytes: number;
  /** Their share; null: the server has no bound. */
  readonly limit: number | null;
}

export interface Trimmer {
  memory(): StreamMemory;
  /** Drops what may go of a partition whose archive is at `cursor`. */
  trim(partition: string, cursor: string): Promise<void>;
  /** Reads how much memory the streams take, at most every 5 s. */
  measure(): Promise<void>;
}

export function createTrimmer(deps: {
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly partitions: readonly string[];
  readonly retentionMs: number;
}): Trimmer {
  const { redis, clock } = deps;
  let memory: StreamMemory = { bytes: 0, limit: null };
  let measuredAt = Number.NEGATIVE_INFINITY;

  /** Everything before an id. Whole nodes first, a bounded number a time; then the rest, less than a node, exactly. */
  const dropBefore = async (key: string, id: string): Promise<void> => {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      if ((await redis.command('XTRIM', key, 'MINID', '~', id, 'LIMIT', AT_ONCE)) === 0) break;
    }
    await redis.command('XTRIM', key, 'MINID', '=', id);
  };

  const measure = async (): Promise<void> => {
    measuredAt = clock.monotonic();
    const info = String(await redis.command('INFO', 'memory'));
    const maxmemory = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0);
    const sizes = await Promise.all(deps.partitions.map((partition) => redis.command('MEMORY', 'USAGE', streamKey(partition))));
    const bytes = sizes.reduce<number>((sum, size) => sum + (typeof size === 'number' ? size : 0), 0);
    memory = { bytes, limit: maxmemory > 0 ? Math.floor(maxmemory * SHARE) : null };
  };

  /** The id before which entries go so that the streams fit: as far into the archived part as they are over. */
  const memoryBound = async (partition: string, cursor: string): Promise<string | null> => {
    const target = (memory.limit ?? Number.POSITIVE_INFINITY) * TARGET;
    if (memory.bytes <= target) return null;
    const first = firstIdOf(await redis.command('XRANGE', streamKey(partition), '-', '+', 'COUNT', 1));
    if (first === null || compareIds(first, cursor) > 0) return null;
    const part = Math.min(1, (1 - target / memory.bytes) * 1.1);
    const ms = Math.ceil(msOfId(first) + (msOfId(cursor) - msOfId(first)) * part);
    const bound = `${ms}-0`;
    return compareIds(bound, first) > 0 ? bound : followingId(cursor);
  };

  return {
    memory: () => memory,
    async measure() {
      if (clock.monotonic() - measuredAt >= MEASURE_MS) await measure();
    },
    async trim(partition, cursor) {
      if (!isStreamId(cursor)) return;
      const behind = followingId(cursor);
      const old = deps.retentionMs === 0 ? behind : `${Math.max(0, Math.floor(clock.now() - deps.retentionMs))}-0`;
      const forMemory = (await memoryBound(partition, cursor)) ?? START;
      const wanted = compareIds(old, forMemory) > 0 ? old : forMemory;
      const bound = compareIds(wanted, behind) > 0 ? behind : wanted;
      if (bound !== '0-0') await dropBefore(streamKey(partition), bound);
      // So that the next look shows what is left.
      if (forMemory !== START) await measure();
    },
  };
}

function firstIdOf(reply: unknown): string | null {
  const id = Array.isArray(reply) && Array.isArray(reply[0]) ? (reply[0][0] as unknown) : null;
  return typeof id === 'string' && isStreamId(id) ? id : null;
}
