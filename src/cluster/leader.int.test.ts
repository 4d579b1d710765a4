/** Leader election over a real Redis: by its own clock, and by the test's clock where minutes go by. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { systemClock } from '../shared/clock.js';
import { startLeader } from './leader.js';
import { Candidate, openOffice } from './testing/candidate.js';

const logger = pino({ level: 'silent' });
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

async function pair() {
  const office = await openOffice(redis);
  const one = new Candidate(office, 'one');
  await one.settled();
  const two = new Candidate(office, 'two');
  await two.settled();
  return { clock: office.clock, office: office.name, one, two };
}

describe('a leader (plan 9.3)', () => {
  it('is the first to ask, with a lease of 60 s that the others see', async () => {
    const { office, one, two } = await pair();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([true, false]);
    expect([one.leader.term(), two.leader.term()]).toEqual([1, null]);
    expect(one.changes).toEqual([{ office, from: null, to: 'node-one', term: 1 }]);
    const ttl = Number(await redis.command('PTTL', `kirogate:${office}:leader`));
    expect(ttl).toBeGreaterThan(50_000);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('that stops is replaced at once', async () => {
    const { one, two } = await pair();
    await one.leader.close();
    expect(one.leader.isLeader()).toBe(false);
    await two.poll();
    expect(two.leader.term()).toBe(2);
    expect(one.changes.at(-1)).toMatchObject({ from: 'node-one', to: null });
    expect(two.changes).toMatchObject([{ from: null, to: 'node-two', term: 2 }]);
  });

  it('that is killed is replaced within 65 s, and not before its lease ended', async () => {
    const { clock, two } = await pair();
    clock.advance(59_000);
    await two.poll();
    expect(two.leader.isLeader()).toBe(false);
    clock.advance(1_000);
    await two.poll();
    expect(two.leader.isLeader()).toBe(true);
    expect(two.changes).toMatchObject([{ from: 'node-one', to: 'node-two', term: 2 }]);
  });

  it('renews every 30 s and stays', async () => {
    const { clock, one, two } = await pair();
    for (let second = 0; second < 200; second += 1) {
      clock.advance(1_000);
      await one.poll();
      await two.poll();
    }
    expect(one.leader.term()).toBe(1);
    expect(one.changes).toHaveLength(1);
  });

  it('stops at once when it loses Redis, and comes back with a new term', async () => {
    const { clock, one } = await pair();
    one.isCut = true;
    expect(one.leader.isLeader()).toBe(false);
    expect(await one.leader.check()).toBe(false);
    clock.advance(1_000);
    await one.poll();
    expect(one.changes.at(-1)).toMatchObject({ from: 'node-one', to: null, term: 1 });
    one.isCut = false;
    await one.poll();
    expect(one.leader.term()).toBe(2);
  });

  it('that was frozen for a minute is none when it goes on, before it has asked anybody', async () => {
    const { clock, one, two } = await pair();
    clock.advance(61_000);
    await two.poll();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([false, true]);
    expect(await one.leader.check()).toBe(false);
    await one.poll();
    expect(one.changes.at(-1)).toMatchObject({ to: null, term: 1 });
  });

  it('hears before its next step that the office is not its own any more', async () => {
    const { office, one } = await pair();
    expect(await one.leader.check()).toBe(true);
    await redis.command('HSET', `kirogate:${office}:leader`, 'term', 9);
    expect(await one.leader.check()).toBe(false);
    expect(one.leader.isLeader()).toBe(false);
  });

  it.each(['request', 'reply'] as const)('is nobody whose claim was answered too late, its %s being held up', async (at) => {
    const office = await openOffice(redis);
    const { clock, name } = office;
    await redis.command('HSET', `kirogate:${name}:leader`, 'run', 'x', 'node', 'x', 'term', '0', 'until', clock.now() + 500);
    const slow = new Candidate(office, 'slow');
    await slow.settled();
    clock.advance(1_000);
    slow.freezeAt = at;
    await slow.poll();
    clock.advance(56_000);
    await slow.thaw();
    expect(slow.leader.isLeader()).toBe(false);
    expect(slow.changes).toEqual([]);
    await slow.poll();
    expect(slow.leader.isLeader()).toBe(true);
  });

  it('is nobody for a lease after Redis forgot the terms', async () => {
    const { clock, office, one, two } = await pair();
    await redis.command('DEL', `kirogate:${office}:leader`, `kirogate:${office}:terms`);
    await two.poll();
    await one.poll();
    await one.poll();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([false, false]);
    clock.advance(60_000);
    await two.poll();
    expect(two.leader.term()).toBe(2);
  });

  it('treats a hash of something else as no lease', async () => {
    const office = await openOffice(redis);
    await redis.command('HSET', `kirogate:${office.name}:leader`, 'nonsense', 1);
    const one = new Candidate(office, 'one');
    await one.settled();
    expect(one.leader.isLeader()).toBe(true);
  });

  it('runs by the clock of Redis and real timers, and begins on a new Redis within seconds', async () => {
    const office = 'of_its_own';
    const one = startLeader({ redis, runId: 'r1', nodeId: 'n1', office, clock: systemClock, logger });
    const two = startLeader({ redis, runId: 'r2', nodeId: 'n2', office, clock: systemClock, logger });
    await vi.waitFor(() => expect([one.isLeader(), two.isLeader()].filter(Boolean)).toHaveLength(1), { timeout: 15_000 });
    const [first, second] = one.isLeader() ? [one, two] : [two, one];
    expect(await first.check()).toBe(true);
    await first.close();
    await vi.waitFor(() => expect(second.isLeader()).toBe(true), { timeout: 5_000 });
    expect(second.term()).toBe(2);
    await second.close();
    expect(await redis.command('EXISTS', `kirogate:${office}:leader`)).toBe(0);
  });
});
