/** A whole cluster of a test: PostgreSQL, Redis, the simulator, nodes and a real nginx in front, each a process that the test may hurt. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestPostgres, type TestPostgres } from '../../src/infra/database/testing/server.js';
import { freePort } from '../../src/infra/testing/process.js';
import { type AdminClient, adminClient } from './admin.js';
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
  /** Default 3. */
  readonly nodes?: number;
  /** So many more stand ready: neither started nor known to the balancer. Default none. */
  readonly spare?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Redis behind Sentinel, reached without wires that can be cut. */
  readonly sentinel?: boolean;
}

/** What every node is given beside its own name, port and folder. */
export function clusterEnvironment(stores: { databaseUrl: string; redisUrl: string; simulatorUrl: string }): Record<string, string> {
  const { REDIS_PASSWORD: _, ...secrets } = clusterSecrets;
  return {
    ...nodeEnvironment({ dataDir: '', simulatorUrl: stores.simulatorUrl }),
    ...secrets,
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    TRUSTED_PROXIES: '127.0.0.1',
    SHUTDOWN_GRACE_SECONDS: '2',
  };
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
    startTestPostgres().then(keep),
    options.sentinel ? startSentinelSet(password).then(keep) : undefined,
    options.sentinel ? undefined : startClusterRedis({ password }).then(keep),
    startClusterSimulator().then(keep),
  ]);
  const redis = single ?? sentinel?.servers[0];
  if (redis === undefined) throw new Error('a cluster needs a Redis');
  const nodes: ClusterNode[] = [];
  const { nodes: used = 3, spare = 0 } = options;
  for (let i = 1; i <= used + spare; i += 1) {
    const wires = { redis: sentinel ? undefined : await wire(redis.port, ends), postgres: await wire(postgres.port, ends) };
    const redisUrl = sentinel?.url ?? `redis://:${password}@127.0.0.1:${wires.redis?.port}/0`;
    const stores = { databaseUrl: throughPort(postgres.url, wires.postgres.port), redisUrl, simulatorUrl: sim.url };
    const node = createClusterNode({
      name: `node-${i}`,
      port: await freePort(),
      dataDir: join(dir, `node-${i}`),
      env: { ...clusterEnvironment(stores), ...options.env },
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

function throughPort(url: string, port: number): string {
  const other = new URL(url);
  other.port = `${port}`;
  return other.href;
}
