/** Where reading begins in each partition, also when the place asked for is one of a tail that Redis has lost. */
import type { Logger } from 'pino';
import type { RedisConnection } from '../../../infra/redis/connection.js';
import { fieldOf } from './calls.js';
import { archivedKey, compareIds, isStreamId, START, streamKey } from './keys.js';

export interface Places {
  /**
   * The id to read after, for a reader that asks behind `cursor`. Asking behind another one ends the going back: that
   * reader is on its way. `peek`: for somebody who only looks, so nothing changes, and a hole sends him nowhere.
   */
  from(partition: string, cursor: string | undefined, peek: boolean): string;
  /** Looks whether the streams reach as far as the cursors. */
  check(after: ReadonlyMap<string, string>, partitions: readonly string[]): Promise<void>;
  /** Who asks behind `cursor` reads again: from where the archive was when the tail was lost, or from the first entry. */
  goBack(partition: string, cursor: string, toFirst: boolean): Promise<void>;
  /** Nobody goes back any more. */
  goOn(partition: string): void;
}

export function createPlaces(deps: {
  readonly redis: RedisConnection;
  readonly logger: Logger | undefined;
  readonly onLost: (partition: string) => void;
}): Places {
  const { redis, logger } = deps;
  /** Cursors that lead nowhere, and from where to read instead. */
  const lost = new Map<string, { readonly cursor: string; readonly from: string; readonly hole: boolean }>();

  /** What Redis itself says of the archive was lost together with the tail: everything before was archived. */
  const safePlace = async (partition: string, last: string): Promise<string> => {
    const cursor = await redis.command('HGET', archivedKey(partition), 'cursor');
    return typeof cursor === 'string' && isStreamId(cursor) && compareIds(cursor, last) <= 0 ? cursor : START;
  };
  const checkOne = async (partition: string, cursor: string): Promise<void> => {
    if (lost.get(partition)?.cursor === cursor) return;
    const last = await lastIdOf(redis, partition);
    if (compareIds(cursor, last) <= 0) return;
    const from = await safePlace(partition, last);
    lost.set(partition, { cursor, from, hole: false });
    logger?.warn({ partition, archived: cursor, last, from }, 'the event stream is shorter than its archive; reading it again');
    deps.onLost(partition);
  };

  return {
    from(partition, cursor, peek) {
      if (!isStreamId(cursor)) return START;
      const gone = lost.get(partition);
      if (gone?.cursor === cursor && !(peek && gone.hole)) return gone.from;
      if (!peek) lost.delete(partition);
      return cursor;
    },
    async check(after, partitions) {
      await Promise.all(
        partitions.map((partition) => {
          const cursor = after.get(partition);
          return isStreamId(cursor) ? checkOne(partition, cursor) : undefined;
        }),
      );
    },
    async goBack(partition, cursor, toFirst) {
      const from = toFirst ? START : await safePlace(partition, cursor);
      lost.set(partition, { cursor, from, hole: true });
    },
    goOn(partition) {
      lost.delete(partition);
    },
  };
}

/** The id of the last entry that a stream ever took; `0-0`: it is not there. */
export async function lastIdOf(redis: RedisConnection, partition: string): Promise<string> {
  try {
    const last = fieldOf(await redis.command('XINFO', 'STREAM', streamKey(partition)), 'last-generated-id');
    return typeof last === 'string' && isStreamId(last) ? last : START;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('ERR no such key')) return START;
    throw error;
  }
}
