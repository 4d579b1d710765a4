/** Tries counted over a real Redis by several nodes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { createSharedTries } from './tries.js';

let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const node = () => createSharedTries({ redis, ids: createIds(systemClock), clock: systemClock });
const bound = { tries: 20, windowMs: 60_000 };

describe('tries', () => {
  it('are counted over all nodes: twenty of three nodes, and the wait for the next', async () => {
    const nodes = [node(), node(), node()];
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => (nodes[i % 3] as (typeof nodes)[0]).count('all', bound)));
    expect(answers.filter((answer) => answer !== null && 'takeBack' in answer)).toHaveLength(20);
    const refused = answers.find((answer) => answer !== null && 'retryAfterMs' in answer) as { retryAfterMs: number };
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await node().count('another', bound)).toHaveProperty('takeBack');
    expect(Number(await redis.command('PTTL', 'kirogate:tries:all'))).toBeGreaterThan(0);
  });

  it('are given back when they prove right', async () => {
    for (let time = 0; time < 3; time += 1) {
      const answer = await node().count('right', { ...bound, tries: 1 });
      if (answer === null || !('takeBack' in answer)) throw new Error('refused');
      answer.takeBack();
    }
  });

  it('are each node’s own while Redis does not answer, and nobody waits for it', async () => {
    let asked = 0;
    const away: Pick<RedisConnection, 'command' | 'run' | 'isReady'> = {
      command: () => Promise.reject(new Error('away')),
      run: () => {
        asked += 1;
        return Promise.reject(new Error('away'));
      },
      isReady: () => true,
    };
    const alone = createSharedTries({ redis: away, ids: createIds(systemClock), clock: { now: () => 0, monotonic: () => 0 } });
    expect([await alone.count('a', bound), await alone.count('a', bound)]).toEqual([null, null]);
    expect(asked).toBe(1);
  });
});
