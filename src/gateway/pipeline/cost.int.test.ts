/** What one whole request costs its stores where limits and log are in Redis: commands sent, and round trips awaited in turn. */

import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EventLog } from '../../events/log/port.js';
import { openRedisLog } from '../../events/log/redis.js';
import type { Limits } from '../../limits/port.js';
import { poolToken } from '../../limits/testing/fixtures.js';
import { type RedisNodes, startRedisNodes } from '../../limits/testing/redisNodes.js';
import { createTrips, type Trips } from '../../limits/testing/trips.js';
import { systemClock } from '../../shared/clock.js';
import { admitRequest } from './admit.js';
import { forward } from './forward.js';
import { settle } from './settle.js';
import { answers, createKit, type Kit, operator, stop, text, usage } from './testing/kit.js';

let nodes: RedisNodes;
let dir: string;
let log: EventLog;
beforeAll(async () => {
  nodes = await startRedisNodes();
  await nodes.begin();
  dir = await mkdtemp(join(tmpdir(), 'kg-cost-'));
  log = await openRedisLog({
    url: nodes.server.url,
    partitions: 8,
    dir,
    src: 'run',
    clock: systemClock,
    retentionHours: 1,
    closeWaitMs: 0,
  });
});
afterAll(async () => {
  await log.close();
  await nodes.close();
  await rm(dir, { recursive: true, force: true });
});

/** What a request awaits of its stores, kept back until its round. */
function held(limits: Limits, trips: Trips): { limits: Limits; log: EventLog } {
  return {
    limits: {
      ...limits,
      peek: (request) => trips.hold(limits.peek(request)),
      admit: (request) => trips.hold(limits.admit(request)),
      settle: (attempt) => trips.hold(limits.settle(attempt)),
      finish: (request) => trips.hold(limits.finish(request)),
    },
    log: new Proxy(log, {
      get: (target, name) => (name === 'append' ? (event: never) => trips.hold(target.append(event)) : Reflect.get(target, name)),
    }),
  };
}

/** As generate.ts does it, without HTTP and pacing. */
async function request(kit: Kit): Promise<void> {
  const run = kit.run({ caller: { ...operator, userId: 'u1', keyId: 'k1', quota: { daily: 100_000, monthly: 100_000 }, keyRpm: 100_000 } });
  expect(await kit.deps.limits.peek(admitRequest(run, { attempt: 1, exclude: [], onlyTokenId: null }, run.requestId))).toBeNull();
  const first = await kit.first(run);
  for await (const _event of forward(run, first, kit.deps));
  await settle(run, { kind: 'completed' }, kit.deps);
}

/** Commands that clients send from now on; not those inside scripts, and not those of the monitor itself. */
async function monitor(port: number): Promise<{ sent(): number; end(): void }> {
  const socket = connect(port, '127.0.0.1');
  let seen = '';
  const ready = new Promise<void>((resolve) =>
    socket.on('data', (chunk) => {
      seen += chunk.toString('utf8');
      resolve();
    }),
  );
  socket.write('MONITOR\r\n');
  await ready;
  return { sent: () => seen.split('\r\n').filter((line) => /^\+[\d.]+ \[\d+ (?!lua)/.test(line)).length, end: () => socket.destroy() };
}

it('awaits at most 4 round trips and sends at most 15 commands for a request, its events included', async () => {
  const limits = await nodes.node('run', { clock: null });
  await limits.putTokens(['a', 'b', 'c'].map((id) => poolToken(id)));
  const trips = createTrips();
  const kit = await createKit({ play: answers(text('hi'), usage, stop), clock: nodes.clock(), over: held(limits, trips) });
  for (let i = 0; i < 10; i += 1) expect(await trips.count(() => request(kit))).toBeLessThanOrEqual(4);
  const commands = await monitor(Number(new URL(nodes.server.url).port));
  const requests = 50;
  for (let i = 0; i < requests; i += 1) await request(kit);
  await nodes.redis.command('PING');
  expect(commands.sent() / requests).toBeLessThanOrEqual(15);
  expect(commands.sent() / requests).toBeGreaterThan(6);
  commands.end();
}, 60_000);
