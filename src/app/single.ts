/** One node on its own: SQLite, an in-process log with a journal, limits in memory. Nothing to install. */
import { join } from 'node:path';
import { openMemoryLog } from '../events/log/memory.js';
import { createMemoryCache } from '../infra/cache/memory.js';
import { migrate } from '../infra/database/migrate.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { loadSecrets } from '../infra/secrets.js';
import { createVault } from '../infra/vault.js';
import { createMemoryLimits } from '../limits/memory.js';
import { openFileOpenRecords } from '../limits/openRecords.js';
import type { OpenRecord } from '../limits/port.js';
import { readRestore } from '../projections/restore.js';
import type { Backbone, BackboneOptions, LimitsContext } from './backbone.js';
import { checkEncryptionKey } from './encryptionKey.js';
import { lockDataDir } from './nodeLock.js';
import { migrationsDir } from './package.js';
import { feedPool } from './poolFeed.js';
import { tellQuotasOf } from './quotaNotices.js';
import { recover } from './recover.js';

/** Most events that may wait for the archive before new requests are refused (contract §3, `storage_unavailable`). */
const MAX_BACKLOG_EVENTS = 200_000;

export async function openSingle(options: BackboneOptions): Promise<Backbone> {
  const { config, clock, ids, logger, teardown } = options;
  const { secrets, generatedPassword } = await loadSecrets(config.DATA_DIR, {
    adminPassword: config.ADMIN_PASSWORD,
    adminSecretKey: config.ADMIN_SECRET_KEY,
    userSessionSecret: config.USER_SESSION_SECRET,
    tokenEncryptKey: config.TOKEN_ENCRYPT_KEY,
  });
  teardown.add('data folder lock', await lockDataDir(config.DATA_DIR));
  const db = await openSqlite({ path: config.sqlitePath });
  teardown.add('database', () => db.close());
  await migrate(db, { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock, logger });
  const vault = createVault({ key: secrets.tokenEncryptKey, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
  await checkEncryptionKey({ db, vault, key: secrets.tokenEncryptKey, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS, logger });
  const log = await openMemoryLog({ partitions: config.EVENT_PARTITIONS, dir: join(config.DATA_DIR, 'journal'), ids, clock, logger });
  teardown.add('event log', () => log.close());
  const cache = createMemoryCache({ clock });
  teardown.add('cache', () => cache.close());
  const startedAt = clock.now();
  let requestsLastMinute = (): number => 0;
  let settingsPosition = (): number | null => null;
  return {
    db,
    log,
    cache,
    secrets,
    vault,
    generatedPassword,
    ingest: {},
    openLimits: (context) => openLimits(options, context, { db, log }),
    async join(context) {
      requestsLastMinute = context.requestsLastMinute;
      settingsPosition = () => context.directory.settingsPosition();
    },
    health: () => 'healthy',
    storageUnavailable: () => log.backlog().events > MAX_BACKLOG_EVENTS,
    mayCheckTokens: async () => true,
    nodes: async () => [
      {
        id: options.nodeId,
        healthy: true,
        startedAt,
        connections: options.server.connections,
        requestsLastMinute: requestsLastMinute(),
        leader: true,
        settingsPosition: settingsPosition(),
      },
    ],
  };
}

async function openLimits(options: BackboneOptions, context: LimitsContext, { db, log }: Pick<Backbone, 'db' | 'log'>) {
  const { config, clock, logger, teardown, nodeId } = options;
  const { directory, ingest } = context;
  const limits = await createMemoryLimits({
    clock,
    random: Math.random,
    openRecords: await openFileOpenRecords({ path: join(config.DATA_DIR, 'journal', 'open-requests'), logger }),
  });
  teardown.add('limits', () => limits.close());
  const endFeed = await feedPool(directory, limits);
  teardown.add('pool feed', endFeed);
  const ended = (records: readonly OpenRecord[]) => tellQuotasOf(records, { ...options, limits, log, directory });
  await recover({ limits, log, archived: () => ingest.idle(), restore: () => readRestore(db, clock.now()), ended, clock, nodeId, logger });
  return limits;
}
