/** Says once what is wrong with a stream that has no ids left: Redis refuses every append until an operator moves it away. */
import type { Logger } from 'pino';
import type { RedisConnection } from '../../../infra/redis/connection.js';
import { isBeyondClocks, streamKey } from './keys.js';
import { lastIdOf } from './places.js';

export interface UsedUp {
  /** An append to some of these partitions failed. Never rejects. */
  look(error: unknown, partitions: readonly string[]): Promise<void>;
}

const NO_MORE_IDS = /exhausted the last possible ID|equal or smaller than the target stream top item/;

export function createUsedUp(deps: { readonly redis: RedisConnection; readonly logger: Logger | undefined }): UsedUp {
  const { redis, logger } = deps;
  const told = new Set<string>();

  const lookAt = async (partition: string): Promise<void> => {
    const last = await lastIdOf(redis, partition);
    if (!isBeyondClocks(last)) told.delete(partition);
    else if (!told.has(partition)) {
      told.add(partition);
      const stream = streamKey(partition);
      logger?.error(
        { partition, stream, last },
        `the event stream ${stream} has no ids left, since an entry was written there by hand with the id ${last}: rename or delete the stream, then events that are not archived are appended again`,
      );
    }
  };

  return {
    async look(error, partitions) {
      if (!(error instanceof Error && NO_MORE_IDS.test(error.message))) return;
      try {
        for (const partition of new Set(partitions)) await lookAt(partition);
      } catch (failure) {
        logger?.debug({ err: failure }, 'the ends of the event streams could not be read');
      }
    },
  };
}
