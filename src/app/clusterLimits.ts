/** The limits of a cluster, joined to the directory, the log and the commands. */
import type { LifeSign } from '../cluster/lifeSign.js';
import type { RedisProbe } from '../cluster/redisProbe.js';
import type { RedisLog } from '../events/log/redis.js';
import type { Database } from '../infra/database/port.js';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import type { Limits } from '../limits/port.js';
import { createRedisLimits } from '../limits/redis.js';
import type { BackboneOptions, LimitsContext } from './backbone.js';
import { feedPool, limitSettings } from './poolFeed.js';
import { startSweep } from './sweep.js';

export interface ClusterLimitsDeps extends BackboneOptions {
  readonly runId: string;
  readonly db: Database;
  readonly redis: RedisConnection;
  readonly log: RedisLog;
  readonly lifeSign: LifeSign;
  readonly probe: RedisProbe;
}

export async function openClusterLimits(deps: ClusterLimitsDeps, context: LimitsContext): Promise<Limits> {
  const { config, logger, teardown, runId } = deps;
  const { directory, ingest } = context;
  const redis = await openRedis({ url: config.REDIS_URL, name: 'kirogate-limits', logger });
  teardown.add('Redis of the limits', () => redis.close());
  const limits = await createRedisLimits({
    redis,
    runId,
    random: Math.random,
    settings: limitSettings(directory.settings()),
    logger,
    deadRuns: (runIds) => deps.lifeSign.dead(runIds),
  });
  teardown.add('limits', () => limits.close());
  teardown.add('pool feed', await feedPool(directory, limits));
  teardown.add('sweep', startSweep({ ...deps, limits, ingest }));
  return limits;
}
