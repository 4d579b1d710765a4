/** PostgreSQL and Redis of one run, started as `npm run cluster` starts them, with data in the run's folder. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createProcesses } from '../../scripts/cluster/processes.js';
import { startPostgres, startRedis } from '../../scripts/cluster/stores.js';
import { freePort } from './processes.js';

export async function startStores(world) {
  const dir = join(world.dir, `stores-${randomBytes(4).toString('hex')}`);
  mkdirSync(dir, { recursive: true });
  const password = randomBytes(12).toString('hex');
  const processes = createProcesses(() => undefined);
  try {
    const [postgres, redis] = [await freePort(), await freePort()];
    await startPostgres({ processes, dir, port: postgres, password });
    await startRedis({ processes, dir, port: redis, password });
    const redisUrl = `redis://:${password}@127.0.0.1:${redis}/0`;
    const databaseUrl = `postgresql://kirogate:${password}@127.0.0.1:${postgres}/kirogate`;
    return { databaseUrl, redisUrl, redisPid: await processId(redisUrl), stop: () => processes.stop() };
  } catch (error) {
    await processes.stop();
    throw error;
  }
}

async function processId(url) {
  const redis = new Redis(url);
  try {
    return Number(/process_id:(\d+)/.exec(await redis.info('server'))[1]);
  } finally {
    redis.disconnect();
  }
}
