import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DirectoryToken } from '../projections/directory.js';
import { isCheckable, startHealthChecker } from './healthChecker.js';

type Token = Pick<DirectoryToken, 'id' | 'status' | 'statusReason'>;

const INTERVAL = 3_600_000;
let tokens: Token[] = [];
let checks: { id: string; at: number }[] = [];
let successes = new Map<string, number>();

beforeEach(() => {
  vi.useFakeTimers({ now: 1_795_392_000_000 });
  tokens = [];
  checks = [];
  successes = new Map();
});
afterEach(() => vi.useRealTimers());

const active = (id: string): Token => ({ id, status: 'active', statusReason: null });

function start(over: { check?: (id: string) => Promise<unknown>; random?: () => number } = {}) {
  return startHealthChecker({
    directory: {
      tokens: () => tokens as DirectoryToken[],
      token: (id) => tokens.find((token) => token.id === id) as DirectoryToken | undefined,
    },
    check: async (id) => {
      checks.push({ id, at: Date.now() });
      await over.check?.(id);
    },
    lastSuccess: async (id) => successes.get(id) ?? null,
    clock: { now: () => Date.now(), monotonic: () => Date.now() },
    random: over.random ?? Math.random,
    intervalMs: INTERVAL,
    logger: pino({ level: 'silent' }),
  });
}

async function end(checker: { close(): Promise<void> }): Promise<void> {
  const closed = checker.close();
  await vi.advanceTimersByTimeAsync(1);
  await closed;
}

describe('the health checker', () => {
  it('checks each token once an interval with 0–30 s of jitter, and never two within 3 s (plan 9.3)', async () => {
    tokens = ['a', 'b', 'c', 'd', 'e'].map(active);
    const checker = start();
    await vi.advanceTimersByTimeAsync(5 * INTERVAL);
    await end(checker);
    const gaps = checks.slice(1).map((check, i) => check.at - (checks[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_000);
    for (const { id } of tokens) {
      const times = checks.filter((check) => check.id === id).map((check) => check.at);
      expect(times.length).toBeGreaterThanOrEqual(4);
      for (const [i, at] of times.slice(1).entries()) {
        const period = at - (times[i] ?? 0);
        expect(period).toBeGreaterThanOrEqual(INTERVAL);
        // Jitter, the second at which the pool is looked at, and the turns of the four others.
        expect(period).toBeLessThanOrEqual(INTERVAL + 30_000 + 1_000 + 5 * 4_000);
      }
    }
  });

  it('stretches the interval to 3 s a token for a large pool', async () => {
    tokens = Array.from({ length: 2_400 }, (_, i) => active(`t${i}`));
    const checker = start();
    await vi.advanceTimersByTimeAsync(2 * INTERVAL);
    await end(checker);
    const perToken = new Map<string, number>();
    for (const { id } of checks) perToken.set(id, (perToken.get(id) ?? 0) + 1);
    expect(perToken.size).toBeGreaterThan(2_300);
    expect(Math.max(...perToken.values())).toBe(1);
  });

  it('leaves out tokens that served within the interval, and looks at them an interval later', async () => {
    tokens = [active('busy'), active('idle')];
    successes.set('busy', Date.now());
    const checker = start();
    await vi.advanceTimersByTimeAsync(INTERVAL - 1_000);
    expect(checks.map((check) => check.id)).toEqual(['idle']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(checks.map((check) => check.id)).toContain('busy');
    await end(checker);
  });

  it('goes on when a check fails on our side', async () => {
    tokens = [active('a'), active('b')];
    const checker = start({ check: () => Promise.reject(new Error('no store')) });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(new Set(checks.map((check) => check.id))).toEqual(new Set(['a', 'b']));
    await end(checker);
  });

  it('takes in tokens that join and forgets those that leave', async () => {
    tokens = [active('old')];
    const checker = start();
    await vi.advanceTimersByTimeAsync(40_000);
    tokens = [active('new')];
    await vi.advanceTimersByTimeAsync(2 * INTERVAL);
    await end(checker);
    expect(checks.filter((check) => check.id === 'old')).toHaveLength(1);
    expect(checks.some((check) => check.id === 'new')).toBe(true);
  });

  it('leaves alone what only an admin may bring back', () => {
    expect(isCheckable({ status: 'suspended', statusReason: 'failures' })).toBe(true);
    expect(isCheckable({ status: 'suspended', statusReason: 'credits' })).toBe(true);
    expect(isCheckable({ status: 'suspended', statusReason: 'admin' })).toBe(false);
    expect(isCheckable({ status: 'suspended', statusReason: 'upstream' })).toBe(false);
    expect(isCheckable({ status: 'invalid', statusReason: null })).toBe(false);
  });
});
