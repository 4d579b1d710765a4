/** A process that is killed with leases in Redis: its slots come back, and each request that it left open is ended once. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ChildCode, childCode } from '../../tests/support/childCode.js';
import { until } from '../../tests/support/until.js';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { createRedisLimits, type RedisLimits } from './redis.js';
import { admitRequest, poolToken, roomy } from './testing/fixtures.js';

const ROOT = 'kirogate:{limits}:killed:';
const settings = { ...roomy, tokenMaxConcurrent: 2 };
const tokens = ['t1', 't2', 't3'];
const lua = fileURLToPath(new URL('lua', import.meta.url));

/** Takes every slot of the pool; one attempt is over, its request is not; one request is over. */
const child = `
import { symlink } from 'node:fs/promises';
const [url, lua, root, settings, requests] = process.argv.slice(2);
await symlink(lua, new URL('./src/limits/lua', import.meta.url));
const { openRedis } = await import('./src/infra/redis/connection.js');
const { createRedisLimits } = await import('./src/limits/redis.js');
const redis = await openRedis({ url, name: 'killed' });
const limits = await createRedisLimits({ redis, runId: 'killed', random: Math.random, settings: JSON.parse(settings), root });
for (const request of JSON.parse(requests)) {
  const answer = await limits.admit(request);
  if (!answer.ok) throw new Error(answer.code);
  if (request.requestId === 'request-over' || request.requestId === 'request-settled')
    await limits.settle({ attemptId: request.attemptId, outcome: 'success', retryAfterMs: null, sent: true });
  if (request.requestId === 'request-over') await limits.finish({ requestId: request.requestId, quota: 'keep' });
}
console.log('ready');
`;

let server: TestRedis;
let redis: RedisConnection;
let code: ChildCode;
let living: RedisLimits[] = [];
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
  code = await childCode(['src/limits/redis.ts', 'src/infra/redis/connection.ts']);
  const open = (runId: string) => createRedisLimits({ redis, runId, random: Math.random, settings, root: ROOT });
  living = [await open('b'), await open('c')];
});
afterAll(async () => {
  for (const one of living) await one.close();
  await redis.close();
  await server.stop();
  await code.remove();
});

it('gives its slots back within 20 s of kill -9, and hands over each of its open records exactly once', async () => {
  const [b, c] = living as [RedisLimits, RedisLimits];
  await b.putTokens(tokens.map((id) => poolToken(id)));
  const quota = { daily: 50, monthly: 50 };
  const open = ['1', '2', '3', '4', '5', '6'];
  const requests = ['over', 'settled', ...open].map((id) => admitRequest(id, { quota }));
  const killed = await code.start(child, [server.url, lua, ROOT, JSON.stringify(settings), JSON.stringify(requests)]);
  let said = '';
  let failed = '';
  killed.stdout?.on('data', (chunk: Buffer) => (said += chunk));
  killed.stderr?.on('data', (chunk: Buffer) => (failed += chunk));
  await until(
    'the slots to be taken',
    async () => (failed ? Promise.reject(new Error(failed)) : said.includes('ready') || undefined),
    20_000,
  );
  expect(await b.admit(admitRequest('early'))).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_000 });

  const exit = once(killed, 'exit');
  killed.kill('SIGKILL');
  expect((await exit)[1]).toBe('SIGKILL');
  let tries = 0;
  await until('all slots', async () => ((await b.peek(admitRequest(`peek${tries++}`))) === null ? true : undefined), 20_000);
  for (const use of await c.tokenUse(tokens)) expect(use).toMatchObject({ concurrency: 0, consecutiveFails: 0 });
  for (const id of open) expect(await c.admit(admitRequest(`new${id}`))).toMatchObject({ ok: true });

  const handed: string[] = [];
  await until('the open records', async () => {
    for (const node of [b, c]) {
      for (const { requestId, terminalEventId, metered } of await node.abandoned()) {
        expect({ terminalEventId, metered }).toEqual({ terminalEventId: requestId.replace('request', 'event'), metered: true });
        handed.push(requestId);
        await node.finish({ requestId, quota: 'keep' });
      }
    }
    return handed.length >= 7 || undefined;
  });
  expect(handed.sort()).toEqual(['1', '2', '3', '4', '5', '6', 'settled'].map((id) => `request-${id}`));
  for (const node of [b, c]) expect(await node.abandoned()).toEqual([]);
  expect(await b.userUse('user')).toMatchObject({ dayUsed: 8 });
}, 60_000);
