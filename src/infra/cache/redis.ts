/** The cache that nodes share: values in Redis until they expire; without Redis it knows nothing and holds nobody up. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.js';
import type { RedisConnection, RedisReply } from '../redis/connection.js';
import type { SharedCache } from './port.js';

export interface RedisCacheOptions {
  /** Stays the caller's: closing the cache leaves it open. */
  readonly redis: Pick<RedisConnection, 'command' | 'isReady'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PREFIX = 'kirogate:cache:';
/** After a command that failed, so long nobody is made to wait for the next one's time-out. */
const REST_MS = 1_000;
/** A value that is larger is not kept: Redis must not fill up by a mistake of ours. */
const MOST_BYTES = 1024 * 1024;

/** One warning when Redis is lost and one line when it is back (spec R3), however many ask meanwhile. */
export function createRedisCache({ redis, clock, logger }: RedisCacheOptions): SharedCache {
  let restsUntil = Number.NEGATIVE_INFINITY;
  let isLost = false;
  let refuses = false;

  /** undefined: out of reach. */
  async function ask(name: string, ...args: readonly (string | number)[]): Promise<RedisReply | undefined> {
    if (clock.monotonic() < restsUntil) return undefined;
    try {
      if (!redis.isReady()) throw new Error('the connection is down');
      const reply = await redis.command(name, ...args);
      if (isLost) logger.info('the shared cache is back');
      isLost = false;
      if (name === 'SET') refuses = false;
      return reply;
    } catch (error) {
      if (error instanceof Error && error.name === 'ReplyError') {
        // It is there but full, or holds something else under this key: others may still read.
        if (!refuses) logger.warn({ err: error }, 'Redis refuses to keep or give what is cached');
        refuses = true;
        return undefined;
      }
      restsUntil = clock.monotonic() + REST_MS;
      if (!isLost) logger.warn({ err: error }, 'the shared cache is out of reach; this node goes on with its own');
      isLost = true;
      return undefined;
    }
  }

  return {
    async get(key) {
      const reply = await ask('GET', PREFIX + key);
      return typeof reply === 'string' ? bytesOf(reply) : undefined;
    },
    async set(key, value, ttlMs) {
      const ttl = Math.floor(ttlMs);
      // What is there under this key is older than what could not be kept.
      if (ttl <= 0 || value.length > MOST_BYTES) await ask('DEL', PREFIX + key);
      else await ask('SET', PREFIX + key, value.toString('base64'), 'PX', ttl);
    },
    async delete(key) {
      await ask('DEL', PREFIX + key);
    },
    async close() {},
  };
}

/** Replies are texts, so bytes travel as base64; anything else was not written here. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
