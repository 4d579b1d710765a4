/** The log in Redis Streams: the contract on a real server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { eventLogContract } from './contract.js';
import { openRedisLog } from './redis.js';

const ids = createIds(systemClock);

describe('the log in Redis', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startTestRedis();
    redis = await openRedis({ url: server.url, name: 'test' });
  });
  afterAll(async () => {
    await redis.close();
    await server.stop();
  });

  describe('keeps the contract', () => {
    eventLogContract(async () => {
      await redis.command('FLUSHALL');
      const dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
      const log = await openRedisLog({
        url: server.url,
        partitions: 4,
        dir,
        src: ids.short(),
        clock: systemClock,
        retentionHours: 0,
        closeWaitMs: 0,
      });
      return {
        log,
        end: async () => {
          await log.close();
          await rm(dir, { recursive: true });
        },
      };
    });
  });
});
