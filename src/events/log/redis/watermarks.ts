/** Publishes in Redis how far the archive is, so that producers on every node may let go; what Redis missed is told later. */
import type { RedisConnection } from '../../../infra/redis/connection.js';
import type { Watermark } from '../port.js';
import type { LogScripts } from './calls.js';
import { archivedKey, isStreamId, laterId, streamKey } from './keys.js';

interface Pending {
  cursor: string;
  readonly producers: Map<string, number>;
}

export interface Watermarks {
  /** Resolves when Redis has it or did not take it; then `retry` tells it again. Never rejects. */
  publish(watermarks: readonly Watermark[]): Promise<void>;
  /** Publishes what could not be. */
  retry(): Promise<void>;
  /** Where this process last found the archive in a partition; undefined: unknown, or that place is lost. */
  cursorOf(partition: string): string | undefined;
}

export function createWatermarks(deps: {
  readonly redis: RedisConnection;
  readonly scripts: LogScripts;
  readonly onError: (error: unknown) => void;
}): Watermarks {
  const pending = new Map<string, Pending>();
  const cursors = new Map<string, string>();
  let publishing: Promise<void> = Promise.resolve();

  const merge = (partition: string, cursor: string, producers: Iterable<readonly [string, number]>): void => {
    const known = pending.get(partition);
    const merged = known ?? { cursor: '', producers: new Map<string, number>() };
    if (isStreamId(cursor)) merged.cursor = merged.cursor === '' ? cursor : laterId(merged.cursor, cursor);
    for (const [src, n] of producers) merged.producers.set(src, Math.max(n, merged.producers.get(src) ?? 0));
    pending.set(partition, merged);
  };
  const publishOne = async (partition: string, { cursor, producers }: Pending): Promise<void> => {
    const args = [...producers].flat();
    const held = await deps.redis.run(deps.scripts.publishArchived, [streamKey(partition), archivedKey(partition)], [cursor, ...args]);
    if (typeof held === 'string' && isStreamId(held)) cursors.set(partition, held);
    else cursors.delete(partition);
  };
  const flush = async (): Promise<void> => {
    const taken = [...pending];
    pending.clear();
    const failures = await Promise.all(
      taken.map(([partition, each]) =>
        publishOne(partition, each).then(
          () => null,
          (error: unknown) => {
            merge(partition, each.cursor, each.producers);
            return { error };
          },
        ),
      ),
    );
    const failure = failures.find((each) => each !== null);
    if (failure) deps.onError(failure.error);
  };
  const inTurn = (): Promise<void> => {
    publishing = publishing.then(flush);
    return publishing;
  };

  return {
    publish(watermarks) {
      for (const { partition, cursor, producers } of watermarks) merge(partition, cursor, producers);
      return inTurn();
    },
    retry: () => (pending.size === 0 ? Promise.resolve() : inTurn()),
    cursorOf: (partition) => cursors.get(partition),
  };
}
