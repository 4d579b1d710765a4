/** A whole node with the simulator behind it, in this process, on private ports and a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { type App, startApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { type AdminClient, adminClient } from './admin.js';

export const ADMIN_API_KEY = 'test-admin-api-key-0123456789';
export const PROXY_API_KEY = 'test-proxy-api-key-0123456789';

export interface Service {
  readonly url: string;
  readonly dataDir: string;
  readonly sim: Simulator;
  readonly admin: AdminClient;
  readonly app: App;
  /** Everything the node logged, one JSON object a line. */
  readonly logs: () => string;
  stop(): Promise<void>;
}

export function nodeEnvironment(options: {
  dataDir: string;
  simulatorUrl: string;
  env?: Record<string, string> | undefined;
}): Record<string, string> {
  return {
    PORT: '0',
    HOST: '127.0.0.1',
    DATA_DIR: options.dataDir,
    ADMIN_API_KEY,
    PROXY_API_KEY,
    ADMIN_PASSWORD: 'a-password-for-tests',
    TOKEN_PACING_MIN_MS: '0',
    TOKEN_PACING_MAX_MS: '0',
    SHUTDOWN_GRACE_SECONDS: '0',
    TOKEN_RPM_LIMIT: '10000',
    TOKEN_RPH_LIMIT: '100000',
    TOKEN_MAX_CONCURRENT: '100',
    DEFAULT_KEY_RPM_LIMIT: '100000',
    DEFAULT_USER_DAILY_QUOTA: '100000',
    DEFAULT_USER_MONTHLY_QUOTA: '1000000',
    KIRO_AUTH_URL: options.simulatorUrl,
    KIRO_OIDC_URL: options.simulatorUrl,
    KIRO_API_URL: options.simulatorUrl,
    KIRO_MANAGEMENT_URL: options.simulatorUrl,
    ...options.env,
  };
}

export async function startService(options: { env?: Record<string, string> } = {}): Promise<Service> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kirogate-service-'));
  const sim = await startSimulator();
  const lines: string[] = [];
  const config = loadConfig(nodeEnvironment({ dataDir, simulatorUrl: sim.url, env: options.env }));
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const app = await startApp({ config, nodeId: 'test-node', logger });
  const url = `http://127.0.0.1:${app.port}`;
  return {
    url,
    dataDir,
    sim,
    app,
    admin: adminClient(url, ADMIN_API_KEY),
    logs: () => lines.join(''),
    async stop() {
      await app.stop();
      await sim.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
