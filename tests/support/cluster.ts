/** The cluster of docker-compose.distributed.yml as processes that a test may hurt, with the simulator as upstream. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestPostgres, TEST_PASSWORD, type TestPostgres } from '../../src/infra/database/testing/server.js';
import { freePort } from '../../src/infra/testing/process.js';
import { type AdminClient, adminClient } from './admin.js';
import { composePlan, composePostgresSettings, type Places } from './cluster/compose.js';
import { type ClusterNginx, startClusterNginx } from './cluster/nginx.js';
import { type ClusterNode, createClusterNode } from './cluster/node.js';
import { type ClusterRedis, startClusterRedis } from './cluster/redis.js';
import { type SentinelSet, startSentinelSet } from './cluster/sentinel.js';
import { type ClusterSimulator, startClusterSimulator } from './cluster/simulator.js';
import { ADMIN_API_KEY, nodeEnvironment } from './service.js';
import { startTcpProxy, type TcpProxy } from './tcpProxy.js';

/** Every secret that a cluster of a test is given; none of them may turn up in a log, a dump or a spool. */
export const clusterSecrets = {
  REDIS_PASSWORD: 'redis-Kq3vTn8sWz5pLx2m',
  ADMIN_PASSWORD: 'admin-Hd7yRb4cFu9eJg6a',
  ADMIN_SECRET_KEY: 'adminsession-Mw2xQz8vBn5tYk3r',
  USER_SESSION_SECRET: 'usersession-Pc6sLf9dXj4hGv7u',
  TOKEN_ENCRYPT_KEY: 'encryption-Ta5kEw8mNr3bZq6y',
} as const;

export interface Cluster {
  /** Of the balancer. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The single Redis; absent behind Sentinel. */
  readonly redis: ClusterRedis;
  readonly sentinel: SentinelSet | undefined;
  readonly postgres: TestPostgres;
  readonly sim: ClusterSimulator;
  readonly nginx: ClusterNginx;
  /** Through the balancer. */
  readonly admin: AdminClient;
  node(index: number): ClusterNode;
  /** Everything all nodes said. */
  logs(): string;
  /** Ends everything and removes every folder. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Default: as many as in the compose file. */
  readonly nodes?: number;
  /** So many more stand ready: neither started nor known to the balancer. Default none. */
  readonly spare?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Redis behind Sentinel, reached without wires that can be cut. */
  readonly sentinel?: boolean;
}

/** What stands in the `.env` beside the compose file, a line for each secret, upstream address and setting of the test. */
function dotEnv(simulatorUrl: string, over: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { DATA_DIR: _dir, PORT: _port, HOST: _host, ...settings } = nodeEnvironment({ dataDir: '', simulatorUrl });
  return { ...settings, ...clusterSecrets, POSTGRES_PASSWORD: TEST_PASSWORD, SHUTDOWN_GRACE_SECONDS: '2', ...over };
}

/** What every node is given beside its own name, port and folder. */
export function clusterEnvironment(places: Places & { readonly simulatorUrl: string }): Record<string, string> {
  return composePlan(dotEnv(places.simulatorUrl)).nodeEnvironment(places);
}

/** Starts everything and resolves when all nodes but the spare ones are ready. What was started is ended again when something cannot. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (let end = ends.pop(); end; end = ends.pop()) await end();
  };
  const keep = <T extends { stop(): Promise<unknown> }>(part: T): T => {
    ends.push(() => part.stop());
    return part;
  };
  try {
    return await assemble(options, { keep, ends, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Life {
  readonly keep: <T extends { stop(): Promise<unknown> }>(part: T) => T;
  readonly ends: (() => Promise<unknown>)[];
  readonly stop: () => Promise<void>;
}

async function assemble(options: ClusterOptions, { keep, ends, stop }: Life): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'kirogate-cluster-'));
  ends.push(() => rm(dir, { recursive: true, force: true }));
  const password = clusterSecrets.REDIS_PASSWORD;
  const [postgres, sentinel, single, sim] = await Promise.all([
    startTestPostgres({ settings: composePostgresSettings() }).then(keep),
    options.sentinel ? startSentinelSet(password).then(keep) : undefined,
    options.sentinel ? undefined : startClusterRedis({ password }).then(keep),
    startClusterSimulator().then(keep),
  ]);
  const redis = single ?? sentinel?.servers[0];
  if (redis === undefined) throw new Error('a cluster needs a Redis');
  const nodes: ClusterNode[] = [];
  const plan = composePlan(dotEnv(sim.url, { ...options.env, ...(sentinel && { REDIS_URL: sentinel.url }) }));
  const { nodes: used = plan.replicas, spare = 0 } = options;
  for (let i = 1; i <= used + spare; i += 1) {
    const wires = { redis: sentinel ? undefined : await wire(redis.port, ends), postgres: await wire(postgres.port, ends) };
    const places = { postgresPort: wires.postgres.port, redisPort: wires.redis?.port ?? 0 };
    const node = createClusterNode({
      name: `node-${i}`,
      port: await freePort(),
      // One volume for all of them.
      dataDir: join(dir, 'data'),
      env: plan.nodeEnvironment(places),
      ...(wires.redis === undefined ? {} : { redis: wires.redis }),
      postgres: wires.postgres,
    });
    nodes.push(node);
    ends.push(() => node.kill());
  }
  const first = nodes.slice(0, used);
  await Promise.all(first.map((node) => node.start()));
  const nginx = keep(await startClusterNginx(first.map((node) => node.port)));
  return {
    url: nginx.url,
    nodes,
    redis,
    sentinel,
    postgres,
    sim,
    nginx,
    admin: adminClient(nginx.url, ADMIN_API_KEY),
    node(index) {
      const node = nodes[index];
      if (node === undefined) throw new Error(`this cluster has no node ${index}`);
      return node;
    },
    logs: () => nodes.map((node) => node.output()).join('\n'),
    stop,
  };
}

async function wire(port: number, ends: (() => Promise<unknown>)[]): Promise<TcpProxy> {
  const proxy = await startTcpProxy(port);
  ends.push(() => proxy.close());
  return proxy;
}
