import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../errors.js';
import { createTally, requestErrors } from './tally.js';

describe('what a process answered', () => {
  it('is there at 0 for every code before the first request', () => {
    const { requests, attempts, duration } = createTally().read();
    expect(requests.map(({ code }) => code)).toEqual(['none', ...requestErrors]);
    expect([...requests, ...attempts, duration].every(({ count }) => count === 0)).toBe(true);
  });

  it('carries each code under its status', () => {
    for (const { code, status } of createTally().read().requests)
      expect(status).toBe(code === 'none' ? 200 : errorCatalogue[code as keyof typeof errorCatalogue].status);
  });

  it('counts a request once, each of its attempts, and its time under the first bound that holds it', () => {
    const tally = createTally();
    tally.count({ code: null, latencyMs: 10, attempts: [{ outcome: 'failed' }, { outcome: 'success' }] });
    tally.count({ code: 'upstream_error', latencyMs: 1_000_000, attempts: [{ outcome: 'failed' }] });
    // One that no generation request is known to end with is counted all the same.
    tally.count({ code: 'conflict', latencyMs: 11, attempts: [] });
    const { requests, attempts, duration } = tally.read();
    expect(requests.filter(({ count }) => count > 0)).toEqual([
      { status: 200, code: 'none', count: 1 },
      { status: 502, code: 'upstream_error', count: 1 },
      { status: 409, code: 'conflict', count: 1 },
    ]);
    expect(Object.fromEntries(attempts.map(({ result, count }) => [result, count]))).toEqual({ success: 1, failed: 2, aborted: 0 });
    expect(duration.buckets.slice(0, 2)).toEqual([
      { le: 0.01, count: 1 },
      { le: 0.025, count: 2 },
    ]);
    expect(duration.buckets.at(-1)).toEqual({ le: Number.POSITIVE_INFINITY, count: 3 });
    expect(duration).toMatchObject({ count: 3, sumSeconds: 1000.021 });
  });
});
