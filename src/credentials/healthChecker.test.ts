import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { DirectoryToken } from '../projections/directory.js';
import { isCheckable, startHealthChecker } from './healthChecker.js';

type Token = Pick<DirectoryToken, 'id' | 'status' | 'statusReason'>;

const INTERVAL = 3_600_000;
const START = 1_795_392_000_000;
const active = (id: string): Token => ({ id, status: 'active', statusReason: null });

/** Runs a checker in virtual time for so many ms; `at` may change the pool on the way. */
async function run(
  pool: Token[],
  forMs: number,
  over: {
    check?: () => Promise<unknown>;
    successes?: Map<string, number>;
    at?: { ms: number; pool: Token[] };
    mayCheck?: (ms: number) => boolean;
  } = {},
): Promise<{ id: string; at: number }[]> {
  let now = START;
  const checks: { id: string; at: number }[] = [];
  const tokens = (): Token[] => (over.at && now - START >= over.at.ms ? over.at.pool : pool);
  let reached = (): void => {};
  const ended = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const checker = startHealthChecker({
    directory: {
      tokens: () => tokens() as DirectoryToken[],
      token: (id) => tokens().find((token) => token.id === id) as DirectoryToken | undefined,
    },
    check: async (id) => {
      checks.push({ id, at: now - START });
      await over.check?.();
    },
    mayCheck: async () => over.mayCheck?.(now - START) ?? true,
    lastSuccess: async (id) => over.successes?.get(id) ?? null,
    clock: { now: () => now, monotonic: () => now },
    wait: (ms, signal) => {
      now += ms;
      if (now - START < forMs) return Promise.resolve();
      reached();
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    },
    random: Math.random,
    intervalMs: INTERVAL,
    logger: pino({ level: 'silent' }),
  });
  await ended;
  await checker.close();
  return checks;
}

describe('the health checker', () => {
  it('checks each token once an interval with 0–30 s of jitter, and never two within 3 s (plan 9.3)', async () => {
    const pool = ['a', 'b', 'c', 'd', 'e'].map(active);
    const checks = await run(pool, 5 * INTERVAL);
    const gaps = checks.slice(1).map((check, i) => check.at - (checks[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_000);
    for (const { id } of pool) {
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

  it("checks only while that is this node's part", async () => {
    const isLeader = (ms: number): boolean => ms >= INTERVAL && ms < 3 * INTERVAL;
    const checks = await run(['a', 'b'].map(active), 5 * INTERVAL, { mayCheck: isLeader });
    expect(checks.length).toBeGreaterThanOrEqual(2);
    expect(checks.every(({ at }) => isLeader(at))).toBe(true);
  });

  it('stretches the interval to 3 s a token for a large pool', async () => {
    const pool = Array.from({ length: 1_500 }, (_, i) => active(`t${i}`));
    const checks = await run(pool, 1_500 * 3_000 - 60_000);
    const perToken = new Map<string, number>();
    for (const { id } of checks) perToken.set(id, (perToken.get(id) ?? 0) + 1);
    expect(perToken.size).toBeGreaterThan(1_400);
    expect(Math.max(...perToken.values())).toBe(1);
  });

  it('leaves out tokens that served within the interval, and looks at them an interval later', async () => {
    const successes = new Map([['busy', START]]);
    const pool = [active('busy'), active('idle')];
    expect((await run(pool, INTERVAL - 1_000, { successes })).map((check) => check.id)).toEqual(['idle']);
    expect((await run(pool, INTERVAL + 60_000, { successes })).map((check) => check.id)).toContain('busy');
  });

  it('goes on when a check fails on our side', async () => {
    const checks = await run([active('a'), active('b')], 60_000, { check: () => Promise.reject(new Error('no store')) });
    expect(new Set(checks.map((check) => check.id))).toEqual(new Set(['a', 'b']));
  });

  it('takes in tokens that join and forgets those that leave', async () => {
    const checks = await run([active('old')], 2 * INTERVAL, { at: { ms: 60_000, pool: [active('new')] } });
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
