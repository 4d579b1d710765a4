/** Composition root: joins every part, in the order of spec R11, and takes it down in reverse. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { documentedRoutes } from './app/documentedRoutes.js';
import { createMetrics } from './app/metrics.js';
import { lockDataDir } from './app/nodeLock.js';
import { feedPool } from './app/poolFeed.js';
import { recover } from './app/recover.js';
import { listen, type NodeServer } from './app/server.js';
import { environmentSettings } from './app/settings.js';
import { createSurface } from './app/surface.js';
import { externalToken, kiroOptions, lastSuccess } from './app/wiring.js';
import { createCommands } from './commands/handle.js';
import { recordNodeStarted } from './commands/node/started.js';
import { recordNodeStopped } from './commands/node/stopped.js';
import type { Config } from './config.js';
import { createAccess } from './credentials/access.js';
import { checkToken } from './credentials/check.js';
import { startHealthChecker } from './credentials/healthChecker.js';
import { createVaultStore } from './credentials/vaultStore.js';
import { openMemoryLog } from './events/log/memory.js';
import { createGateway } from './gateway/index.js';
import { createMemoryCache } from './infra/cache/memory.js';
import { createClientAddress } from './infra/clientAddress.js';
import { migrate } from './infra/database/migrate.js';
import { openSqlite } from './infra/database/sqlite.js';
import { createPasswords } from './infra/passwords.js';
import { loadSecrets } from './infra/secrets.js';
import { createVault } from './infra/vault.js';
import { createMemoryLimits } from './limits/memory.js';
import { openFileOpenRecords } from './limits/openRecords.js';
import { createPanelApi } from './panels/api/index.js';
import { openDirectory } from './projections/directory.js';
import { requestMetrics } from './projections/requestQueries.js';
import { readRestore } from './projections/restore.js';
import { startIngest } from './projections/runner/ingest.js';
import { systemClock } from './shared/clock.js';
import { createIds } from './shared/ids.js';
import { createUpstreams } from './upstreams/index.js';

export interface AppOptions {
  readonly config: Config;
  readonly nodeId: string;
  readonly logger: Logger;
  /** Aborted when the process is told to stop, also while it starts. */
  readonly signal?: AbortSignal;
}

export interface App {
  readonly port: number;
  /** Set when this start generated the admin password: show it once. */
  readonly generatedPassword: string | null;
  /** Drains, flushes and closes; resolves when nothing is left running. */
  stop(): Promise<void>;
}

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

export const version: string = (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;

/** Folder of the numbered migrations, beside `src` and `dist`. */
export const migrationsDir: string = join(packageRoot, 'migrations');

/** Most events that may wait for the archive before new requests are refused (contract §3, `storage_unavailable`). */
const MAX_BACKLOG_EVENTS = 200_000;

/** Things to undo, newest first. */
function createTeardown(logger: Logger) {
  const steps: { name: string; close: () => Promise<void> | void }[] = [];
  return {
    add: (name: string, close: () => Promise<void> | void) => void steps.push({ name, close }),
    async run() {
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step.close();
        } catch (error) {
          logger.error({ err: error, step: step.name }, 'a part did not close cleanly');
        }
      }
    },
  };
}
type Teardown = ReturnType<typeof createTeardown>;

/** Starts one node. Rejects when it cannot; then nothing of it is left running. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, nodeId, logger } = options;
  const teardown = createTeardown(logger);
  const startedMono = systemClock.monotonic();
  const uptime = (): number => (systemClock.monotonic() - startedMono) / 1000;
  try {
    const server = await listen({ host: config.HOST, port: config.PORT, facts: { nodeId, version, mode: config.mode, uptime } });
    teardown.add('server', () => server.destroy());
    logger.info({ mode: config.mode, database: config.sqlitePath, port: server.port, version }, 'starting');
    const node = await startParts({ ...options, server, teardown });
    server.handler = node.handler;
    server.state = 'healthy';
    logger.info({ port: server.port }, 'ready');
    return { port: server.port, generatedPassword: node.generatedPassword, stop: () => stop(server, node, config, teardown, logger) };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

interface Parts {
  readonly handler: NonNullable<NodeServer['handler']>;
  readonly gateway: ReturnType<typeof createGateway>;
  readonly generatedPassword: string | null;
  readonly closing: AbortController;
}

async function startParts(options: AppOptions & { server: NodeServer; teardown: Teardown }): Promise<Parts> {
  const { config, nodeId, logger, teardown } = options;
  const clock = systemClock;
  const ids = createIds(clock);
  if (config.mode === 'distributed') throw new Error('this build runs a single node; unset REDIS_URL and point DATABASE_URL at SQLite');
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

  const log = await openMemoryLog({ partitions: config.EVENT_PARTITIONS, dir: join(config.DATA_DIR, 'journal'), ids, clock, logger });
  teardown.add('event log', () => log.close());
  const ingest = startIngest({ db, log, clock, logger });
  teardown.add('ingest', () => ingest.close());

  const directory = await openDirectory({ db, defaults: environmentSettings(config), clock, logger });
  teardown.add('directory', () => directory.close());
  const vault = createVault({ key: secrets.tokenEncryptKey, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
  const passwords = createPasswords();
  const defaults = environmentSettings(config);
  const commands = createCommands({ db, directory: () => directory, clock, ids, nodeId, vault, logger, defaults, passwords });
  teardown.add('commands', () => commands.close());

  const limits = await createMemoryLimits({
    clock,
    random: Math.random,
    openRecords: await openFileOpenRecords({ path: join(config.DATA_DIR, 'journal', 'open-requests'), logger }),
  });
  teardown.add('limits', () => limits.close());

  const upstreams = createUpstreams({ kiro: kiroOptions(config, clock, ids) });
  const externalUpstream = upstreams.get('kiro');
  if (!externalUpstream) throw new Error('the kiro upstream is missing from the registry');
  teardown.add('upstreams', async () => {
    for (const upstream of upstreams.values()) await upstream.close();
  });
  const cache = createMemoryCache({ clock });
  teardown.add('cache', () => cache.close());
  const access = createAccess({
    store: createVaultStore({ db, vault, clock, claimant: `${nodeId}/${ids.short()}` }),
    cache,
    vault,
    upstreamOf: (tokenId) => (tokenId.startsWith('ext-') ? externalUpstream : upstreams.get(directory.token(tokenId)?.provider ?? '')),
    registerExternal: (tokenId, provider) => limits.putTokens([externalToken(tokenId, provider, clock.now())]),
    externalUpstream,
    clock,
    logger,
  });

  const endFeed = await feedPool(directory, limits, (tokenId) => void access.forget(tokenId));
  teardown.add('pool feed', endFeed);
  await recover({ limits, log, archived: () => ingest.idle(), restore: () => readRestore(db, clock.now()), clock, nodeId, logger });

  const clientAddress = createClientAddress(config.TRUSTED_PROXIES);
  const gateway = createGateway({
    directory,
    limits,
    log,
    upstreams,
    access,
    commands,
    clock,
    ids,
    random: Math.random,
    logger,
    nodeId,
    clientAddress,
    proxyApiKey: config.PROXY_API_KEY,
    maxAttempts: config.UPSTREAM_MAX_ATTEMPTS,
    storageUnavailable: () => log.backlog().events > MAX_BACKLOG_EVENTS,
    addressSalt: secrets.addressSalt,
  });
  teardown.add('gateway', () => gateway.close());

  const closing = new AbortController();
  const startedAt = clock.now();
  const checkDeps = { access, commands, directory, upstreams, clock };
  const panels = createPanelApi({
    db,
    commands,
    passwords,
    directory,
    limits,
    upstreams,
    clock,
    ids,
    logger,
    version,
    adminPassword: secrets.adminPassword,
    adminApiKey: config.ADMIN_API_KEY,
    adminSecret: secrets.adminSecretKey,
    adminSecretPrevious: config.ADMIN_SECRET_KEY_PREVIOUS,
    userSessionSecret: secrets.userSessionSecret,
    userSessionSecretPrevious: config.USER_SESSION_SECRET_PREVIOUS,
    riskThreshold: config.TOKEN_RISK_THRESHOLD,
    environmentSettings: defaults,
    clientAddress,
    checkToken: (tokenId, actor) => checkToken(tokenId, actor, checkDeps),
    nodes: async () => [
      {
        id: nodeId,
        healthy: true,
        startedAt,
        connections: options.server.connections,
        requestsLastMinute: (await requestMetrics(db, '1m', clock.now())).totalRequests,
        leader: true,
      },
    ],
    documentedRoutes,
    closing: closing.signal,
  });
  const checker = startHealthChecker({
    directory,
    check: (tokenId) => checkToken(tokenId, 'system', checkDeps),
    lastSuccess: (tokenId) => lastSuccess(db, tokenId),
    clock,
    random: Math.random,
    intervalMs: config.TOKEN_HEALTH_CHECK_INTERVAL * 1000,
    logger,
  });
  teardown.add('health checker', () => checker.close());
  const handler = createSurface({
    gateway,
    panels,
    metrics: createMetrics({ db, directory, clock, log, nodeId }),
    metricsToken: config.METRICS_TOKEN,
    version,
    partitions: config.EVENT_PARTITIONS,
    logger,
  });
  await commands.execute(recordNodeStarted, { nodeId, version, mode: config.mode }, { actor: 'system' });
  teardown.add('node life', async () => {
    await commands.execute(recordNodeStopped, { nodeId }, { actor: 'system' });
  });
  return { handler, gateway, generatedPassword, closing };
}

/** How long ended requests may take to write their terminal events after the drain is over. */
const END_TIMEOUT_MS = 5_000;

async function stop(server: NodeServer, node: Parts, config: Config, teardown: Teardown, logger: Logger): Promise<void> {
  logger.info({ running: node.gateway.inFlight }, 'draining');
  server.state = 'draining';
  await wait(config.SHUTDOWN_GRACE_SECONDS * 1000);
  await server.stopListening();
  node.closing.abort();
  await Promise.race([node.gateway.idle(), wait(config.SHUTDOWN_TIMEOUT_SECONDS * 1000, undefined, { ref: false })]);
  if (node.gateway.inFlight > 0) {
    logger.warn({ running: node.gateway.inFlight }, 'ending requests that outlasted the drain');
    node.gateway.abortAll();
    await Promise.race([node.gateway.idle(), wait(END_TIMEOUT_MS, undefined, { ref: false })]);
  }
  await teardown.run();
  logger.info('stopped');
}
