import { describe, expect, it } from 'vitest';
import { FRESH_AFTER_MS, tokenScore } from './score.js';

const fresh = {
  attempts: 0,
  failures: 0,
  consecutiveFails: 0,
  idleMs: null,
  inFlight: 0,
  maxConcurrent: 2,
  rpm: 0,
  rpmLimit: 10,
  rph: 0,
  rphLimit: 200,
  minSuccessRate: 0.7,
};
const lost = (over: Partial<Parameters<typeof tokenScore>[0]>) => tokenScore(fresh) - tokenScore({ ...fresh, ...over });

describe('token score', () => {
  it('is full for a token that was never used', () => {
    expect(tokenScore(fresh)).toBeCloseTo(1, 10);
  });

  it('gives freshness 15, growing with rest for an hour', () => {
    expect(lost({ idleMs: 0 })).toBeCloseTo(0.15, 10);
    expect(lost({ idleMs: FRESH_AFTER_MS / 2 })).toBeCloseTo(0.075, 10);
    expect(lost({ idleMs: FRESH_AFTER_MS * 9 })).toBeCloseTo(0, 10);
  });

  it('gives balance 15, half for what runs now and half for the hour', () => {
    expect(lost({ inFlight: 2 })).toBeCloseTo(0.075, 10);
    expect(lost({ rph: 200 })).toBeCloseTo(0.075 + 0.3 * 0.3, 10);
  });

  it('gives risk safety 30', () => {
    expect(lost({ rpm: 10 })).toBeCloseTo(0.3 * 0.3, 10);
    expect(lost({ consecutiveFails: 5 })).toBeCloseTo(0.3 * 0.2, 10);
  });

  it('gives success 40, with some trust in advance', () => {
    expect(lost({ attempts: 2, failures: 2 })).toBeCloseTo(0.4 * (2 / 6) + 0.3 * 0.2, 10);
  });

  it('halves the success part of a token with 10 attempts under the least success rate', () => {
    const good = tokenScore({ ...fresh, attempts: 10, failures: 3 });
    const bad = tokenScore({ ...fresh, attempts: 10, failures: 4 });
    expect(good - bad).toBeCloseTo(0.4 * (11 / 14 - 10 / 14 / 2) + 0.3 * 0.2 * 0.1, 10);
    expect(lost({ attempts: 9, failures: 9 })).toBeLessThan(lost({ attempts: 10, failures: 10 }));
  });
});
