/** What must hold at size: work that does not grow with the pool, and memory that does not grow with time. */
import { describe, expect, it } from 'vitest';
import { createKeyRates } from './keyRates.js';
import { createMemoryLimits } from './memory.js';
import { createMemoryOpenRecords } from './openRecords.js';
import { admitRequest, createTestClock, poolToken, risingRandom, roomy } from './testing/fixtures.js';

async function pool(size: number) {
  const clock = createTestClock();
  const work = { comparisons: 0 };
  const limits = createMemoryLimits({
    clock,
    random: risingRandom(),
    openRecords: createMemoryOpenRecords(),
    settings: { ...roomy, tokenRpmLimit: 3 },
    work,
  });
  await limits.putTokens(
    Array.from({ length: size }, (_, i) => poolToken(`t${i}`, { ownerId: `u${i % 50}`, models: i % 3 === 0 ? ['sonnet', 'opus'] : null })),
  );
  return { clock, work, limits };
}

describe('limits at size', () => {
  it('do no more than a logarithm of the pool per request', async () => {
    const perRequest = async (size: number, exhausted: boolean) => {
      const { clock, work, limits } = await pool(size);
      if (exhausted) limits.configure({ ...roomy, tokenMaxConcurrent: 1 });
      const before = work.comparisons;
      let most = 0;
      for (let i = 0; i < 2 * size; i += 1) {
        const start = work.comparisons;
        await limits.admit(admitRequest(`${i}`, { userId: `u${i % 70}`, exclude: ['t1', 't2'] }));
        if (!exhausted) {
          limits.responded(`attempt-${i}`);
          await limits.settle({
            attemptId: `attempt-${i}`,
            outcome: i % 9 === 0 ? 'token_failure' : 'success',
            retryAfterMs: null,
            sent: true,
          });
          await limits.finish({ requestId: `request-${i}`, quota: 'keep' });
        }
        most = Math.max(most, work.comparisons - start);
        clock.advance(1);
      }
      return { mean: (work.comparisons - before) / (2 * size), most };
    };
    for (const exhausted of [false, true]) {
      const small = await perRequest(10, exhausted);
      const large = await perRequest(10_000, exhausted);
      expect(large.mean).toBeLessThan(small.mean + 12 * Math.log2(10_000 / 10));
      expect(large.most).toBeLessThan(64 * Math.log2(10_000));
    }
  });

  it('give every one of 10,000 tokens its turn', async () => {
    const { limits } = await pool(10_000);
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i += 1) {
      const answer = await limits.admit(admitRequest(`${i}`));
      if (answer.ok) seen.add(answer.tokenId);
    }
    expect(seen.size).toBe(10_000);
  });

  it('forget keys that are silent', () => {
    const keys = createKeyRates();
    for (let i = 0; i < 1_000; i += 1) keys.add(`k${i}`, 0);
    for (let i = 0; i < 1_500; i += 1) keys.sweep(61_000);
    expect(keys.size()).toBe(0);
  });
});
