/** `kirogate serve`: runs one node until it is told to stop. */

import type { App } from '../app.js';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { consoleToLog } from '../infra/consoleToLog.js';
import { createLogger } from '../infra/logger.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { showPassword } from './showPassword.js';
import { stopSignal } from './stopSignal.js';

/** Resolves with the exit code once the node has stopped. */
export async function serve(env: NodeJS.ProcessEnv): Promise<number> {
  const config = readConfig(env);
  if (config === null) return 78;
  const nodeId = config.NODE_ID || createIds(systemClock).short();
  const logger = createLogger({ level: config.LOG_LEVEL, nodeId });
  consoleToLog(console, logger);
  // One stray rejection must not end the node for everybody (lessons 28); it is a fault and is logged as one.
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection'));
  const stop = stopSignal();
  let app: App;
  // After the configuration was read: who mistyped a variable is told at once.
  const [{ startApp }, { exitCodeOf }] = await Promise.all([import('../app.js'), import('../app/exitCode.js')]);
  try {
    app = await startApp({ config, nodeId, logger, signal: stop });
  } catch (error) {
    if (stop.aborted) return 0;
    logger.fatal({ err: error }, error instanceof Error ? error.message : 'the node could not start');
    return exitCodeOf(error);
  }
  // On standard output for the person who starts it, never in the log that others collect.
  if (app.generatedPassword !== null) await showPassword(app.generatedPassword, config.DATA_DIR, process.stdout);
  await aborted(stop);
  await app.stop();
  return 0;
}

/** Prints every fault of the environment; null when there is one. */
export function readConfig(env: NodeJS.ProcessEnv): Config | null {
  try {
    return loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return null;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
