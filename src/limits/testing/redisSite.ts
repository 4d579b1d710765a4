/** Three nodes on one Redis of which one may be killed: the others sweep it, and a new one takes its place. */
import type { RedisConnection } from '../../infra/redis/connection.js';
import type { LimitSettings } from '../port.js';
import type { RedisLimits } from '../redis.js';
import type { Site } from './context.js';
import type { RedisNodes } from './redisNodes.js';

const NODES = 3;
const SIGN_MS = 2_000;
const DEAD_AFTER_MS = 15_000;

export async function redisSite(nodes: RedisNodes, settings: LimitSettings, redis?: RedisConnection): Promise<Site> {
  let started = 0;
  let living: RedisLimits[] = [];
  const join = async (inForce: LimitSettings): Promise<void> => {
    started += 1;
    living.push(await nodes.node(`run${started}`, { settings: inForce, ...(redis === undefined ? {} : { redis }) }));
  };
  const advance = async (ms: number): Promise<void> => {
    nodes.clock().advance(ms);
    for (const one of living) await one.sweep();
  };
  const live = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= SIGN_MS) await advance(Math.min(SIGN_MS, left));
  };
  while (started < NODES) await join(settings);
  return {
    nodes: () => living,
    advance,
    async kill(node, inForce) {
      // Only who has given signs for so long may call another one dead.
      await live(DEAD_AFTER_MS);
      await node.close();
      const diedAt = nodes.clock().monotonic();
      living = living.filter((one) => one !== node);
      await live(DEAD_AFTER_MS);
      await advance(1);
      await join(inForce);
      return { how: 'swept', diedAt };
    },
    async close() {
      for (const one of living) await one.close();
    },
  };
}
