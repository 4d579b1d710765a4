/** Composition root: binds the port, joins every part in the order of spec R11, and takes it down in reverse. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { version } from './app/package.js';
import { type Parts, startParts } from './app/parts.js';
import { listen, type NodeServer } from './app/server.js';
import { createTeardown, type Teardown } from './app/teardown.js';
import type { Config } from './config.js';
import { systemClock } from './shared/clock.js';

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

/** Starts one node. Rejects when it cannot; then nothing of it is left running. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, nodeId, logger } = options;
  const teardown = createTeardown(logger);
  const startedMono = systemClock.monotonic();
  const uptime = (): number => (systemClock.monotonic() - startedMono) / 1000;
  try {
    const server = await listen({ host: config.HOST, port: config.PORT, facts: { nodeId, version, mode: config.mode, uptime } });
    teardown.add('server', () => server.destroy());
    logger.info({ mode: config.mode, port: server.port, version }, 'starting');
    const node = await startParts({ ...options, server, teardown });
    server.handler = node.handler;
    server.state = node.health();
    logger.info({ port: server.port }, 'ready');
    return { port: server.port, generatedPassword: node.generatedPassword, stop: () => stop(server, node, config, teardown, logger) };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

/** How long ended requests may take to write their terminal events after the drain is over. */
const END_TIMEOUT_MS = 5_000;

async function stop(server: NodeServer, node: Parts, config: Config, teardown: Teardown, logger: Logger): Promise<void> {
  logger.info({ running: node.gateway.inFlight }, 'draining');
  server.state = 'draining';
  await wait(config.SHUTDOWN_GRACE_SECONDS * 1000);
  await server.stopListening(config.SHUTDOWN_GRACE_SECONDS * 1000);
  node.closing.abort();
  // Also who has just connected and whose request is still to come, and who has not read the end of a reply yet.
  await Promise.race([
    Promise.all([server.ended(), node.gateway.idle()]),
    wait(config.SHUTDOWN_TIMEOUT_SECONDS * 1000, undefined, { ref: false }),
  ]);
  if (node.gateway.inFlight > 0) {
    logger.warn({ running: node.gateway.inFlight }, 'ending requests that outlasted the drain');
    node.gateway.abortAll();
    await Promise.race([node.gateway.idle(), wait(END_TIMEOUT_MS, undefined, { ref: false })]);
  }
  await teardown.run();
  logger.info('stopped');
}
