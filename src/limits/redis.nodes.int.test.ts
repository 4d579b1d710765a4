/** Several nodes on one Redis: shared caps, dead runs, lost replies, a full and an emptied server. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import type { AttemptOutcome, Limits } from './port.js';
import { admitRequest, poolToken, roomy } from './testing/fixtures.js';
import { losingReplies, type RedisNodes, startRedisNodes } from './testing/redisNodes.js';

let nodes: RedisNodes;
beforeAll(async () => {
  nodes = await startRedisNodes();
});
beforeEach(() => nodes.begin());
afterAll(() => nodes.close());

const quota = { daily: 50, monthly: 100 };
const end = (limits: Limits, id: string, outcome: AttemptOutcome = 'success') =>
  limits.settle({ attemptId: `attempt-${id}`, outcome, retryAfterMs: null, sent: true });
const tokenUseOf = async (limits: Limits, id: string) => (await limits.tokenUse([id]))[0];
/** Time goes on for so long, while these nodes give their signs. */
async function live(ms: number, alive: readonly { sweep(): Promise<void> }[]): Promise<void> {
  for (let left = ms; left > 0; left -= 2_000) {
    nodes.clock().advance(Math.min(left, 2_000));
    for (const one of alive) await one.sweep();
  }
}

describe('nodes that share limits', () => {
  it('let exactly N through together, and exceed no cap of a token', async () => {
    const settings = { tokenMaxConcurrent: 2, tokenRpmLimit: 3 };
    const pair = [await nodes.node('a', { settings }), await nodes.node('b', { settings })] as const;
    await pair[0].putTokens(['t1', 't2', 't3', 't4', 't5'].map((id) => poolToken(id)));
    const burst = (name: string, size: number, over: object) =>
      Promise.all(Array.from({ length: size }, (_, i) => (i % 2 === 0 ? pair[0] : pair[1]).admit(admitRequest(`${name}${i}`, over))));
    const first = await burst('x', 500, {});
    expect(first.filter((answer) => answer.ok)).toHaveLength(10);
    for (const use of await pair[1].tokenUse(['t1', 't2', 't3', 't4', 't5'])) expect(use).toMatchObject({ concurrency: 2, rpm: 2 });
    pair[0].configure(roomy);
    const second = await burst('y', 300, { quota, keyId: 'other' });
    expect(second.filter((answer) => answer.ok)).toHaveLength(50);
  });

  it('obey a setting, a removal and a result of one another at once', async () => {
    const [a, b] = [await nodes.node('a'), await nodes.node('b')];
    await a.putTokens([poolToken('t1'), poolToken('t2')]);
    a.configure({ ...roomy, tokenMaxConcurrent: 1 });
    await a.admit(admitRequest('1', { onlyTokenId: 't1' }));
    expect(await b.admit(admitRequest('2', { onlyTokenId: 't1' }))).toMatchObject({ code: 'pool_exhausted' });
    await a.removeToken('t2', 9);
    expect(await b.admit(admitRequest('3'))).toMatchObject({ code: 'pool_exhausted', decision: { considered: 1 } });
    expect(await end(b, '1', 'risk')).toMatchObject({ cooled: { reason: 'risk' } });
    expect(await a.admit(admitRequest('4'))).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 1_800_000 });
  });
});

describe('a model that no token serves', () => {
  it('is told apart from a pool in trouble', async () => {
    const a = await nodes.node('a');
    await a.putTokens([poolToken('named', { models: ['opus'] }), poolToken('gone', { status: 'suspended', models: ['opus'] })]);
    const answer = await a.admit(admitRequest('1'));
    expect(answer).toMatchObject({
      code: 'no_token_available',
      decision: { candidates: [{ tokenId: 'named', refused: 'model' }], considered: 0 },
    });
  });
});

describe('a run whose life sign stops', () => {
  async function twoAndADeadOne() {
    const [dead, b, c] = [await nodes.node('dead'), await nodes.node('b'), await nodes.node('c')];
    await dead.putTokens([poolToken('t')]);
    await live(15_000, [dead, b, c]);
    for (const id of ['1', '2', '3']) {
      await dead.admit(admitRequest(id, { quota }));
      nodes.clock().advance(1);
    }
    await dead.close();
    return { b, c };
  }

  it('keeps its slots for 15 s, then any node frees them, once', async () => {
    const { b, c } = await twoAndADeadOne();
    await live(14_000, [b, c]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 3 });
    await live(4_000, [b, c]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 0, rpm: 3, consecutiveFails: 0 });
    // What it says after all changes nothing any more.
    expect(await end(c, '1', 'token_failure')).toMatchObject({ counted: false });
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 0, rpm: 3, consecutiveFails: 0 });
  });

  it('leaves its open records to one node, oldest first, until they are finished', async () => {
    const { b, c } = await twoAndADeadOne();
    await live(18_000, [b, c]);
    const [first, second] = await Promise.all([b.abandoned(), c.abandoned()]);
    const records = [...first, ...second];
    expect(records.map((record) => record.requestId)).toEqual(['request-1', 'request-2', 'request-3']);
    expect(records[0]).toEqual({
      requestId: 'request-1',
      terminalEventId: 'event-1',
      attemptId: 'attempt-1',
      attempt: 1,
      tokenId: 't',
      userId: 'user',
      keyId: 'key',
      period: { day: '2026-11-23', month: '2026-11' },
      facts: admitRequest('1').facts,
      metered: true,
    });
    const owner = first.length > 0 ? b : c;
    await owner.finish({ requestId: 'request-1', quota: 'keep' });
    await owner.finish({ requestId: 'request-2', quota: 'return' });
    expect((await owner.abandoned()).map((record) => record.requestId)).toEqual(['request-3']);
    expect(await owner.userUse('user')).toMatchObject({ dayUsed: 2 });
  });

  it('passes on what it had taken over from another dead one', async () => {
    const { b, c } = await twoAndADeadOne();
    await live(18_000, [b]);
    expect(await b.abandoned()).toHaveLength(3);
    await b.close();
    await live(34_000, [c]);
    expect(await c.abandoned()).toHaveLength(3);
  });

  it('is not called dead by one that was away itself', async () => {
    const { b } = await twoAndADeadOne();
    const other = await nodes.node('other');
    nodes.clock().advance(60_000);
    await b.sweep();
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 3 });
    await other.sweep();
    await live(14_000, [b]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 3 });
    await live(2_000, [b]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 0 });
  });

  it("is found although the server's clock stepped back an hour", async () => {
    const { b, c } = await twoAndADeadOne();
    nodes.clock().advance(-3_600_000);
    await live(14_000, [b, c]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 3 });
    await live(4_000, [b, c]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 0 });
    const records = [...(await b.abandoned()), ...(await c.abandoned())];
    expect(records.map((record) => record.requestId)).toEqual(['request-1', 'request-2', 'request-3']);
  });

  it("is not called dead because the server's clock stepped ahead an hour", async () => {
    const [a, b] = [await nodes.node('a'), await nodes.node('b')];
    await a.putTokens([poolToken('t')]);
    await live(16_000, [a, b]);
    await a.admit(admitRequest('1'));
    nodes.clock().advance(3_600_000);
    await b.sweep();
    await b.sweep();
    await live(16_000, [a, b]);
    expect(await tokenUseOf(b, 't')).toMatchObject({ concurrency: 1 });
  });

  it('frees its slots within 20 s of real time', async () => {
    const [dead, b] = [await nodes.node('dead', { clock: null }), await nodes.node('b', { clock: null })];
    await dead.putTokens([poolToken('t')]);
    expect(await dead.admit(admitRequest('1'))).toMatchObject({ ok: true });
    await dead.close();
    await until('the slot', async () => ((await tokenUseOf(b, 't'))?.concurrency === 0 ? true : undefined), 20_000);
    expect(await b.abandoned()).toMatchObject([{ requestId: 'request-1' }]);
  });
});

describe('a lost reply', () => {
  it('changes nothing: each script is run again and answers the same', async () => {
    let calls = 0;
    const redis = losingReplies(nodes.redis, () => {
      calls += 1;
      return calls % 2 === 1;
    });
    const a = await nodes.node('a', { redis, settings: { tokenMaxConcurrent: 1 } });
    await a.putTokens([poolToken('t')]);
    expect(await a.admit(admitRequest('1', { quota, keyRpm: 9 }))).toMatchObject({ ok: true, tokenId: 't' });
    expect(await end(a, '1', 'token_failure')).toMatchObject({ consecutiveFails: 1, counted: true });
    expect(await a.finish({ requestId: 'request-1', quota: 'keep' })).toEqual({ warned: [] });
    expect(await a.userUse('user')).toMatchObject({ dayUsed: 1 });
    expect(await a.keyUse('key')).toBe(1);
    expect(await tokenUseOf(a, 't')).toMatchObject({ concurrency: 0, rpm: 1, consecutiveFails: 1 });
    expect(calls).toBeGreaterThan(10);
  });

  it('that never comes takes the admission back, and keeps it from coming later', async () => {
    let lost = true;
    const redis = losingReplies(nodes.redis, (script) => lost && script.name === 'admitRequest');
    const a = await nodes.node('a', { redis });
    await a.putTokens([poolToken('t')]);
    await expect(a.admit(admitRequest('1', { quota, keyRpm: 9 }))).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await tokenUseOf(a, 't')).toMatchObject({ concurrency: 1 });
    await a.sweep();
    expect(await tokenUseOf(a, 't')).toMatchObject({ concurrency: 0, rpm: 0 });
    expect(await a.userUse('user')).toMatchObject({ dayUsed: 0 });
    expect(await a.keyUse('key')).toBe(0);
    lost = false;
    await expect(a.admit(admitRequest('1', { quota, keyRpm: 9 }))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('of a settlement that cannot be told now is told later', async () => {
    let away = false;
    const redis = {
      ...nodes.redis,
      run: (...args: Parameters<typeof nodes.redis.run>) => (away ? Promise.reject(new Error('gone')) : nodes.redis.run(...args)),
    };
    const a = await nodes.node('a', { redis });
    await a.putTokens([poolToken('t')]);
    await a.admit(admitRequest('1', { quota }));
    away = true;
    await expect(end(a, '1')).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(a.finish({ requestId: 'request-1', quota: 'return' })).rejects.toMatchObject({ code: 'storage_unavailable' });
    a.configure({ ...roomy, tokenMaxConcurrent: 1 });
    away = false;
    await a.sweep();
    expect(await tokenUseOf(a, 't')).toMatchObject({ concurrency: 0, rpm: 1 });
    expect(await a.userUse('user')).toMatchObject({ dayUsed: 0 });
    await a.admit(admitRequest('2'));
    expect(await a.admit(admitRequest('3'))).toMatchObject({ code: 'pool_exhausted' });
  });
});

describe('a Redis in trouble', () => {
  it('that is full admits nobody, and lets everyone end', async () => {
    const a = await nodes.node('a');
    await a.putTokens([poolToken('t')]);
    await a.admit(admitRequest('1', { quota }));
    await nodes.redis.command('CONFIG', 'SET', 'maxmemory', 1);
    try {
      await expect(a.admit(admitRequest('2'))).rejects.toMatchObject({ code: 'storage_unavailable' });
      a.responded('attempt-1', true);
      expect(await end(a, '1')).toMatchObject({ consecutiveFails: 0 });
      await a.finish({ requestId: 'request-1', quota: 'keep' });
      await a.sweep();
      expect(await tokenUseOf(a, 't')).toMatchObject({ concurrency: 0, rpm: 1 });
    } finally {
      await nodes.redis.command('CONFIG', 'SET', 'maxmemory', 0);
    }
  });

  it('that forgot everything admits nobody until the limits are opened anew', async () => {
    const a = await nodes.node('a');
    await a.putTokens([poolToken('t')]);
    await nodes.redis.command('FLUSHALL');
    a.configure({ ...roomy, tokenRpmLimit: 1 });
    await expect(a.admit(admitRequest('1'))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(a.putTokens([poolToken('t')])).rejects.toMatchObject({ code: 'storage_unavailable' });
    const b = await nodes.node('b');
    await b.putTokens([poolToken('t')]);
    expect(await a.admit(admitRequest('1'))).toMatchObject({ ok: true });
  });
});
