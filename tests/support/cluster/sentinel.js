/** A primary and a replica of a test, watched by three sentinels. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/infra/testing/process.js';
import { until } from '../until.js';
import { startChild } from './child.js';
import { redisProgram, startClusterRedis } from './redis.js';

const MASTER = 'kirogate';
/** Fails over within about two seconds of the primary's death. Resolves when sentinels and replica know each other. */
export async function startSentinelSet(password) {
  const first = await startClusterRedis({ password });
  const second = await startClusterRedis({ password, settings: [`replicaof 127.0.0.1 ${first.port}`] });
  const servers = [first, second];
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first.port, password)));
  await until('the replica to follow', async () => (await roleOf(second))?.includes('connected') || undefined);
  for (const sentinel of sentinels) {
    const ready = until('the sentinels to see each other', () => sentinel.child.output().split('+sentinel ')[2]);
    await sentinel.child.whileRunning(ready);
  }
  const hosts = sentinels.map((one) => `127.0.0.1:${one.port}`).join(',');
  return {
    servers,
    url: `redis+sentinel://:${password}@${hosts}/${MASTER}/0`,
    primary: () =>
      until('a primary', async () => {
        for (const server of servers) if ((await roleOf(server))?.[0] === 'master') return server;
        return undefined;
      }),
    async stop() {
      for (const { child, dir } of sentinels) {
        await child.end('SIGKILL');
        rmSync(dir, { recursive: true, force: true });
      }
      for (const server of servers) await server.stop();
    },
  };
}
async function roleOf(server) {
  const role = await server.command('ROLE').catch(() => undefined);
  return Array.isArray(role) ? role : undefined;
}
async function startSentinel(masterPort, password) {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-sentinel-'));
  const config = join(dir, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`,
    `sentinel auth-pass ${MASTER} ${password}`,
    `sentinel down-after-milliseconds ${MASTER} 1000`,
    `sentinel failover-timeout ${MASTER} 5000`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return { port, dir, child: startChild(redisProgram(), { args: [config, '--sentinel'], cwd: dir }) };
}
