/** One node among many: PostgreSQL and Redis shared, the log in Redis Streams, limits where the cluster has them. */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { CurrencyService } from '../cluster/currency.js';
import { reportDifferences, settingDifferences } from '../cluster/differences.js';
import { startLifeSign } from '../cluster/lifeSign.js';
import { startRedisProbe } from '../cluster/redisProbe.js';
import { createSharedTries } from '../cluster/tries.js';
import { startRelay } from '../commands/relay.js';
import type { Config } from '../config.js';
import { openRedisLog } from '../events/log/redis.js';
import { createRedisCache } from '../infra/cache/redis.js';
import { migrate } from '../infra/database/migrate.js';
import { openPostgres } from '../infra/database/postgres.js';
import { checkRights } from '../infra/database/rights.js';
import { openRedis } from '../infra/redis/connection.js';
import { checkRedis } from '../infra/redis/startChecks.js';
import type { Secrets } from '../infra/secrets.js';
import { createVault } from '../infra/vault.js';
import type { ClusterLimits } from '../limits/home.js';
import { storedWatermarks, unarchivedIn } from '../projections/runner/progress.js';
import { parsePostgresUrl } from '../shared/postgresUrl.js';
import { parseRedisUrl } from '../shared/redisUrl.js';
import type { Backbone, BackboneOptions } from './backbone.js';
import { openClusterLimits } from './clusterLimits.js';
import { openCurrency } from './currency.js';
import { checkFingerprints } from './fingerprints.js';
import { joinCluster, type Membership } from './membership.js';
import { migrationsDir } from './package.js';
import { createRecoveries } from './recoveries.js';
import { checkSameRedis, startRedisSign } from './sameRedis.js';
import { environmentSettings } from './settings.js';
import { createStartRetry } from './startRetry.js';

const HOUR_MS = 3_600_000;
/** As long as an admission is held while the limits move. */
const STORAGE_HOLD_MS = 3_000;
/** Waiting events of a partition are counted up to here. */
const MOST_COUNTED = 1_000;
/** A busy pool must not make a living node look dead, and a silent server must be noticed within seconds. */
const OF_THE_SIGNS = { poolSize: 2, maxOverflow: 0, connectTimeoutMs: 2_000, statementTimeoutMs: 2_000, lockTimeoutMs: 2_000 };

export async function openCluster(options: BackboneOptions): Promise<Backbone> {
  const { config, clock, ids, logger, teardown, nodeId, version } = options;
  // Host, port and database of both stores, without passwords.
  const addresses = { postgres: parsePostgresUrl(config.DATABASE_URL).label, redis: parseRedisUrl(config.REDIS_URL).label };
  logger.info({ nodeId, ...addresses }, 'one node of a cluster');
  const retry = createStartRetry({ timeoutMs: config.STARTUP_TIMEOUT_SECONDS * 1000, clock, logger, signal: options.signal });
  const runId = ids.short();

  const db = await retry.until(() =>
    openPostgres({ url: config.DATABASE_URL, poolSize: config.DB_POOL_SIZE, maxOverflow: config.DB_MAX_OVERFLOW, logger }),
  );
  teardown.add('database', () => db.close());
  await migrate(db, { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock, logger });
  await checkRights(db, addresses.postgres);
  await checkFingerprints({ db, secrets: config, logger });

  const redis = await retry.until((connectTimeoutMs) => openRedis({ url: config.REDIS_URL, name: 'kirogate', connectTimeoutMs }));
  teardown.add('Redis', () => redis.close());
  const { warnings } = await retry.until(() => checkRedis(redis, addresses.redis));
  for (const warning of warnings) logger.warn(warning);
  const isSame = (): Promise<void> =>
    retry.until(() => checkSameRedis({ db, redis, runId, nodeId, address: addresses.redis, clock, signal: options.signal }));
  await isSame();
  const recoveries = createRecoveries();
  const bell = { ring: (): void => undefined };
  const log = await retry.until((connectTimeoutMs) =>
    openRedisLog({
      url: config.REDIS_URL,
      partitions: config.EVENT_PARTITIONS,
      dir: join(config.DATA_DIR, 'spool'),
      src: runId,
      clock,
      logger,
      retentionHours: config.EVENT_RETENTION_HOURS,
      connectTimeoutMs,
      storedProgress: () => storedWatermarks(db, clock.now()),
      onRecovered: (what) => recoveries.note(what),
      onControl: () => bell.ring(),
    }),
  );
  teardown.add('event log', () => log.close());
  const cache = createRedisCache({ redis, clock, logger });
  const probe = startRedisProbe({ redis, clock });
  teardown.add('Redis probe', () => probe.close());
  const node = new NodeFacts(options);
  const signs = await retry.until(() => openPostgres({ url: config.DATABASE_URL, logger, ...OF_THE_SIGNS }));
  teardown.add('database of the life sign', () => signs.close());
  const vault = createVault({ key: config.TOKEN_ENCRYPT_KEY, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
  const settings = JSON.stringify({ ...environmentSettings(config), encrypt_key_id: vault.keyId });
  // Before the database names this run: whoever finds it there looks for its sign.
  const redisSign = await startRedisSign({ redis, runId });
  teardown.add('sign in Redis', () => redisSign.close());
  const lifeSign = await startLifeSign({
    db: signs,
    runId,
    nodeId,
    version,
    redisUp: () => probe.up(),
    health: () => node.membership?.health() ?? 'healthy',
    leader: () => node.membership?.isLeader() ?? false,
    load: () => node.load(),
    settingsPosition: () => node.settingsPosition(),
    settings,
    clock,
    logger,
  });
  teardown.add('life sign', () => lifeSign.close());
  // Again, for those who began at the same time.
  await isSame();
  reportDifferences(settingDifferences(runId, settings, await lifeSign.living()), logger);
  const relay = startRelay({
    db,
    relayControl: (events, more) => log.relayControl(events, more),
    clock,
    logger,
    retentionMs: config.EVENT_RETENTION_HOURS * HOUR_MS,
  });
  teardown.add('relay', () => relay.close());
  let currency: CurrencyService | undefined;
  return {
    db,
    log,
    cache,
    secrets: secretsOf(config),
    vault,
    generatedPassword: null,
    ingest: { owners: () => ({ self: runId, living: lifeSign.known().living.map((run) => run.runId) }) },
    async committed(position) {
      relay.wake();
      await currency?.committed(position);
    },
    currency: () => currency,
    databaseLost: () => !lifeSign.databaseUp(),
    async openLimits(context) {
      const { directory } = context;
      let limits: ClusterLimits | undefined;
      const homeTerm = (): number => limits?.state().term ?? -1;
      const relayNow = (): void => relay.wake();
      const opened = await openCurrency({ redis, runId, lifeSign, directory, homeTerm, relay: relayNow, clock, logger, teardown });
      currency = opened;
      bell.ring = () => {
        directory.bell();
        opened.bell();
      };
      limits = await openClusterLimits({ ...options, runId, db, log, lifeSign, probe, currency: opened }, context);
      return limits;
    },
    async join(context) {
      node.requestsLastMinute = context.requestsLastMinute;
      node.settingsPosition = () => context.directory.settingsPosition();
      node.membership = await joinCluster({ ...options, runId, redis, lifeSign, probe, addresses, recoveries }, context);
    },
    health: () => node.membership?.health() ?? 'healthy',
    storageHoldMs: STORAGE_HOLD_MS,
    storageUnavailable: () => log.full() || (node.membership?.isCutOff() ?? false),
    mayCheckTokens: async () => (await node.membership?.mayLead()) ?? false,
    nodes: async () => (await node.membership?.nodes()) ?? [],
    unarchived: () => unarchivedIn(log, db, MOST_COUNTED),
    tries: createSharedTries({ redis, ids, clock }),
    stores: () => ({ redis: probe.up() }),
  };
}

/** What this node says of itself before and after it has joined. */
class NodeFacts {
  membership: Membership | null = null;
  requestsLastMinute: () => number = () => 0;
  settingsPosition: () => number | null = () => null;
  readonly #options: Pick<BackboneOptions, 'server'>;

  constructor(options: Pick<BackboneOptions, 'server'>) {
    this.#options = options;
  }

  load(): { connections: number; requestsLastMinute: number } {
    return { connections: this.#options.server.connections, requestsLastMinute: this.requestsLastMinute() };
  }
}

/** All nodes must hash a caller's address alike, so the salt follows from a secret that they share. */
function secretsOf(config: Config): Secrets {
  return {
    adminPassword: config.ADMIN_PASSWORD,
    adminSecretKey: config.ADMIN_SECRET_KEY,
    userSessionSecret: config.USER_SESSION_SECRET,
    tokenEncryptKey: config.TOKEN_ENCRYPT_KEY,
    addressSalt: createHmac('sha256', config.ADMIN_SECRET_KEY).update('address salt').digest('base64url'),
  };
}
