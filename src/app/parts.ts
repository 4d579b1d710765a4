/** Joins the parts of a node, one node or many, in the order of spec R11. */
import type { Logger } from 'pino';
import type { Health } from '../cluster/nodeRun.js';
import { createCommands } from '../commands/handle.js';
import { recordNodeStarted } from '../commands/node/started.js';
import { recordNodeStopped } from '../commands/node/stopped.js';
import type { Config } from '../config.js';
import { checkToken } from '../credentials/check.js';
import { createCheckSoon } from '../credentials/checkSoon.js';
import { startHealthChecker } from '../credentials/healthChecker.js';
import { createGateway, type Gateway } from '../gateway/index.js';
import { createClientAddress } from '../infra/clientAddress.js';
import { createPasswords } from '../infra/passwords.js';
import type { Secrets } from '../infra/secrets.js';
import { openTracer } from '../infra/tracing/tracer.js';
import type { PanelDeps } from '../panels/api/deps.js';
import { createPanelApi } from '../panels/api/index.js';
import { createStaticFiles } from '../panels/static.js';
import { openDirectory } from '../projections/directory.js';
import { startIngest } from '../projections/runner/ingest.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { createUpstreams } from '../upstreams/index.js';
import { openAccess } from './access.js';
import { openCluster } from './cluster.js';
import { documentedRoutes } from './documentedRoutes.js';
import { openImports } from './imports.js';
import { createMetrics } from './metrics.js';
import { version, webDir } from './package.js';
import type { NodeServer } from './server.js';
import { environmentSettings } from './settings.js';
import { signInOptions } from './signInOptions.js';
import { openSingle } from './single.js';
import { createSurface } from './surface.js';
import type { Teardown } from './teardown.js';
import { kiroOptions, lastSuccess } from './wiring.js';

export interface PartsOptions {
  readonly config: Config;
  readonly nodeId: string;
  readonly logger: Logger;
  /** Aborted when the process is told to stop, also while it starts. */
  readonly signal?: AbortSignal;
  readonly server: NodeServer;
  readonly teardown: Teardown;
}

export interface Parts {
  readonly handler: NonNullable<NodeServer['handler']>;
  readonly gateway: Gateway;
  readonly generatedPassword: string | null;
  readonly health: () => Health;
  readonly closing: AbortController;
}

/** Rejects when a part cannot start; what stands by then is in `teardown`. */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const { config, nodeId, logger, teardown, server } = options;
  const clock = systemClock;
  const ids = createIds(clock);
  const signal = options.signal ?? new AbortController().signal;
  const open = config.mode === 'distributed' ? openCluster : openSingle;
  const backbone = await open({ config, nodeId, version, server, teardown, clock, ids, logger, signal });
  const { db, log, secrets, vault } = backbone;

  const ingest = startIngest({ db, log, clock, logger, ...backbone.ingest });
  teardown.add('ingest', () => ingest.close());
  const defaults = environmentSettings(config);
  const directory = await openDirectory({ db, defaults, clock, logger });
  teardown.add('directory', () => directory.close());
  const passwords = createPasswords();
  const commands = createCommands({
    db,
    directory: () => directory,
    clock,
    ids,
    nodeId,
    vault,
    logger,
    defaults,
    passwords,
    ...(backbone.committed && { committed: backbone.committed }),
  });
  teardown.add('commands', () => commands.close());

  const upstreams = createUpstreams({ kiro: kiroOptions(config, clock, ids) });
  teardown.add('upstreams', async () => {
    for (const upstream of upstreams.values()) await upstream.close();
  });
  const limits = await backbone.openLimits({ directory, ingest, commands });
  const access = openAccess({ backbone, vault, upstreams, directory, limits, clock, logger, claimant: `${nodeId}/${ids.short()}` });
  const clientAddress = createClientAddress(config.TRUSTED_PROXIES);
  const checkDeps = { access, commands, directory, upstreams, clock };
  const checkBySystem = (tokenId: string) => checkToken(tokenId, 'system', checkDeps);
  const tracer = await openTracer({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    serviceName: config.OTEL_SERVICE_NAME,
    nodeId,
    version,
    logger,
  });
  if (tracer) teardown.add('traces', () => tracer.close());
  const gateway = createGateway({
    directory,
    currency: backbone.currency?.(),
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
    checkSoon: createCheckSoon({ check: checkBySystem, logger }),
    storageUnavailable: () => backbone.storageUnavailable(),
    storageHoldMs: backbone.storageHoldMs ?? 0,
    addressSalt: secrets.addressSalt,
    tracer,
  });
  teardown.add('gateway', () => gateway.close());

  const closing = new AbortController();
  const imports = openImports({ ...options, backbone, clock, ids, directory, defaults, upstreams });
  teardown.add('imports', () => imports.close());
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
    ...panelSecrets(config, secrets),
    signIn: signInOptions(config),
    riskThreshold: config.TOKEN_RISK_THRESHOLD,
    environmentSettings: defaults,
    clientAddress,
    checkToken: (tokenId, actor) => checkToken(tokenId, actor, checkDeps),
    nodes: backbone.nodes,
    ...(backbone.databaseLost && { databaseLost: backbone.databaseLost }),
    ...(backbone.tries && { tries: backbone.tries }),
    ...(backbone.stores && { stores: backbone.stores }),
    ...(backbone.unarchived && { unarchived: backbone.unarchived }),
    imports,
    documentedRoutes,
    closing: closing.signal,
  });
  const checker = startHealthChecker({
    directory,
    check: checkBySystem,
    mayCheck: () => backbone.mayCheckTokens(),
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
    pages: createStaticFiles({ folder: webDir }),
    metrics: createMetrics({
      db,
      directory,
      clock,
      log,
      nodeId,
      tallied: () => gateway.tallied(),
      ...(backbone.stores && { stores: backbone.stores }),
    }),
    metricsToken: config.METRICS_TOKEN,
    version,
    partitions: config.EVENT_PARTITIONS,
    logger,
  });
  await backbone.join({ directory, ingest, commands, requestsLastMinute: () => gateway.requestsLastMinute });
  await commands.execute(recordNodeStarted, { nodeId, version, mode: config.mode }, { actor: 'system' });
  teardown.add('node life', async () => {
    await commands.execute(recordNodeStopped, { nodeId }, { actor: 'system' });
  });
  return { handler, gateway, generatedPassword: backbone.generatedPassword, health: () => backbone.health(), closing };
}

type PanelSecrets = Pick<
  PanelDeps,
  'adminPassword' | 'adminApiKey' | 'adminSecret' | 'adminSecretPrevious' | 'userSessionSecret' | 'userSessionSecretPrevious'
>;

function panelSecrets(config: Config, secrets: Secrets): PanelSecrets {
  return {
    adminPassword: secrets.adminPassword,
    adminApiKey: config.ADMIN_API_KEY,
    adminSecret: secrets.adminSecretKey,
    adminSecretPrevious: config.ADMIN_SECRET_KEY_PREVIOUS,
    userSessionSecret: secrets.userSessionSecret,
    userSessionSecretPrevious: config.USER_SESSION_SECRET_PREVIOUS,
  };
}
