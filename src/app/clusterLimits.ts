/** The limits of a cluster, joined to the directory, the log and the commands. */
import type { CurrencyService } from '../cluster/currency.js';
import type { LifeSign } from '../cluster/lifeSign.js';
import type { NodeRun } from '../cluster/nodeRun.js';
import type { RedisProbe } from '../cluster/redisProbe.js';
import { archivedIds } from '../events/archiveLookup.js';
import type { RedisLog } from '../events/log/redis.js';
import type { Database } from '../infra/database/port.js';
import { openRedis } from '../infra/redis/connection.js';
import { type ClusterLimits, createClusterLimits } from '../limits/home.js';
import { readRestore } from '../projections/restore.js';
import type { BackboneOptions, LimitsContext } from './backbone.js';
import { feedPool, poolToken, settingsNow } from './poolFeed.js';
import { startSweep } from './sweep.js';

export interface ClusterLimitsDeps extends BackboneOptions {
  readonly runId: string;
  readonly db: Database;
  readonly log: RedisLog;
  readonly lifeSign: LifeSign;
  readonly probe: RedisProbe;
  readonly currency: Pick<CurrencyService, 'isHomeStill'>;
}

export async function openClusterLimits(deps: ClusterLimitsDeps, context: LimitsContext): Promise<ClusterLimits> {
  const { config, logger, teardown, runId, db, clock, lifeSign, probe } = deps;
  const { directory, ingest } = context;
  const redis = await openRedis({ url: config.REDIS_URL, name: 'kirogate-limits' });
  teardown.add('Redis of the limits', () => redis.close());
  const limits = await createClusterLimits({
    db,
    redis,
    runId,
    random: Math.random,
    clock,
    logger,
    redisUp: () => probe.up(),
    living: () => livingRuns(lifeSign),
    deadRuns: (runIds) => lifeSign.dead(runIds),
    databaseLost: () => !lifeSign.databaseUp(),
    isHomeStill: (term) => !lifeSign.databaseUp() && deps.currency.isHomeStill(term),
    poolState: () => ({
      settings: settingsNow(directory),
      tokens: [...directory.tokens()].map(poolToken),
    }),
    readRestore,
    archivedIds,
  });
  teardown.add('limits', () => limits.close());
  const endGaps = lifeSign.onOverslept(({ gapMs, cause }) => {
    logger.warn({ gapMs: Math.round(gapMs), cause }, 'no sign of life was given for so long that others may have taken this run for dead');
    void limits.look();
  });
  teardown.add('oversleeping', endGaps);
  teardown.add('pool feed', await feedPool(directory, limits));
  teardown.add('sweep', startSweep({ ...deps, limits, ingest, directory }));
  return limits;
}

/** What was read before the database was lost proves nothing of now. */
async function livingRuns(lifeSign: LifeSign): Promise<readonly NodeRun[]> {
  const living = await lifeSign.living();
  if (living.some(({ stale }) => stale)) throw new Error('the database does not say which nodes live');
  return living;
}
