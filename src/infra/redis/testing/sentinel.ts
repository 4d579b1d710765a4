/** A primary, a replica and three sentinels of a test's own, quick to fail over. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../../tests/support/until.js';
import { openRedis } from '../connection.js';
import { freePort, startRedisProcess, startTestRedis, type TestProcess, type TestRedis } from './server.js';

export interface TestSentinel {
  /** `redis+sentinel://…` */
  readonly url: string;
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  stop(): Promise<void>;
}

const NAME = 'main';

export async function startTestSentinel(settings: readonly string[] = []): Promise<TestSentinel> {
  const running: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of running.splice(0).reverse()) await end();
  };
  try {
    const primary = await startTestRedis([...settings, '--repl-diskless-sync-delay', '0']);
    running.push(() => primary.stop());
    const replica = await startTestRedis([...settings, '--replicaof', '127.0.0.1', `${primary.port}`]);
    running.push(() => replica.stop());
    const ports: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { port, end } = await startSentinel(primary.port);
      running.push(end);
      ports.push(port);
    }
    await Promise.all(ports.map((port) => whole(port)));
    return { url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`, primary, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(primary: number): Promise<{ readonly port: number; readonly end: () => Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-sentinel-'));
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 3000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child: TestProcess = await startRedisProcess([file, '--sentinel'], dir, `redis://127.0.0.1:${port}`);
  return {
    port,
    async end() {
      await child.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Waits until the sentinel knows the replica and the two others: before that there is nothing to fail over to. */
async function whole(port: number): Promise<void> {
  const redis = await openRedis({ url: `redis://127.0.0.1:${port}`, name: 'test' });
  try {
    await until('a sentinel that knows all', async () => {
      const facts = (await redis.command('SENTINEL', 'MASTER', NAME)) as readonly string[];
      const fact = (name: string): string | undefined => facts[facts.indexOf(name) + 1];
      return fact('num-slaves') === '1' && fact('num-other-sentinels') === '2' ? true : undefined;
    });
  } finally {
    await redis.close();
  }
}
