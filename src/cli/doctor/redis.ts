/** The doctor's look at Redis, the same as a node's at its start: within reach, new enough, writable, and set so that it loses nothing. */
import type { Config } from '../../config.js';
import { openRedis } from '../../infra/redis/connection.js';
import { checkRedis } from '../../infra/redis/startChecks.js';
import { parseRedisUrl } from '../../shared/redisUrl.js';
import { type Finding, fault, ok, reasonOf, warning } from './finding.js';

const PATIENCE_MS = 5_000;

export async function examineRedis({ mode, REDIS_URL }: Config): Promise<Finding[]> {
  if (mode === 'single') return [];
  try {
    const { label } = parseRedisUrl(REDIS_URL);
    const redis = await openRedis({ url: REDIS_URL, name: 'kirogate-doctor', connectTimeoutMs: PATIENCE_MS });
    try {
      const { version, warnings } = await checkRedis(redis, label);
      const found = warnings.map((one) =>
        warning('Redis', one, 'change it in the configuration of the server, and by CONFIG SET until then'),
      );
      return [ok('Redis', `${label}, version ${version}`), ...found];
    } finally {
      await redis.close();
    }
  } catch (error) {
    return [fault('Redis', reasonOf(error), 'start it, or correct REDIS_URL; no node starts without it')];
  }
}
