import { describe, expect, it } from 'vitest';
import { decodeEvent } from '../../events/index.js';
import { createQuotaHits } from './quotaHits.js';
import { answers, createKit, operator } from './testing/kit.js';

const refusal = {
  ok: false,
  code: 'quota_exceeded',
  quota: 'daily',
  limit: 5,
  used: 5,
  resetAt: 1_795_478_400_000,
  retryAfterMs: 1,
} as const;
const member = (userId: string) => ({ caller: { ...operator, userId, keyId: `key-of-${userId}` } });

describe('quota hits', () => {
  it('are an event at once, and then at most one a minute per user and quota', async () => {
    const kit = await createKit({ play: answers() });
    const hits = createQuotaHits(kit.deps);
    const hit = (userId: string, quota: 'daily' | 'monthly' = 'daily'): void => hits.record(kit.run(member(userId)), { ...refusal, quota });
    for (let i = 0; i < 100; i += 1) hit('one');
    hit('one', 'monthly');
    hit('two');
    expect(kit.events.map(({ subject, data }) => [subject, (data as { quota: string }).quota])).toEqual([
      ['user/one', 'daily'],
      ['user/one', 'monthly'],
      ['user/two', 'daily'],
    ]);
    kit.clock.advance(59_999);
    hit('one');
    expect(kit.events).toHaveLength(3);
    kit.clock.advance(1);
    hit('one');
    expect(kit.events).toHaveLength(4);
  });

  it('name the quota, the key and when it resets', async () => {
    const kit = await createKit({ play: answers() });
    createQuotaHits(kit.deps).record(kit.run({ ...member('one'), requestId: 'r1' }), refusal);
    expect(kit.events[0]).toMatchObject({
      type: 'kirogate.quota.hit',
      subject: 'user/one',
      partitionkey: 'one',
      actor: 'key/key-of-one',
      correlationid: 'r1',
      data: { quota: 'daily', limit: 5, used: 5, resetAt: refusal.resetAt, keyId: 'key-of-one' },
    });
    expect(decodeEvent('kirogate.quota.hit', 1, kit.events[0]?.data)).toEqual({ outcome: 'ok', data: kit.events[0]?.data });
  });

  it('remember a bounded number of users: the one that was hit longest ago is forgotten first', async () => {
    const kit = await createKit({ play: answers() });
    const hits = createQuotaHits(kit.deps);
    for (let i = 0; i <= 10_000; i += 1) hits.record(kit.run(member(`u${i}`)), refusal);
    expect(kit.events).toHaveLength(10_001);
    hits.record(kit.run(member('u10000')), refusal);
    hits.record(kit.run(member('u1')), refusal);
    expect(kit.events).toHaveLength(10_001);
    hits.record(kit.run(member('u0')), refusal);
    expect(kit.events).toHaveLength(10_002);
  });

  it('that cannot be logged trouble nobody', async () => {
    const log = { append: () => Promise.reject(new Error('disk full')) } as never;
    const kit = await createKit({ play: answers(), over: { log } });
    createQuotaHits(kit.deps).record(kit.run(member('one')), refusal);
    await new Promise(setImmediate); // an unhandled rejection would have failed the run
  });
});
