import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HIGH_RISK, riskScore } from './risk.js';

const calm = { rpm: 0, rpmLimit: 10, rph: 0, rphLimit: 200, failureRate: 0, consecutiveFails: 0 };

describe('risk score', () => {
  it.each([
    [{}, 0],
    [{ rpm: 10 }, 0.3],
    [{ rph: 100 }, 0.15],
    [{ failureRate: 0.5 }, 0.1],
    [{ consecutiveFails: 2 }, 0.08],
    [{ consecutiveFails: 9 }, 0.2],
    [{ rpm: 10, rph: 200, failureRate: 1, consecutiveFails: 5 }, 1],
  ])('weighs %o as %d', (over, expected) => {
    expect(riskScore({ ...calm, ...over })).toBeCloseTo(expected, 10);
  });

  it('calls a token at both limits with every attempt failing high', () => {
    expect(riskScore({ ...calm, rpm: 10, rph: 200, failureRate: 1 })).toBeGreaterThan(HIGH_RISK);
  });

  it('stays within 0 and 1 and never falls when a part rises', () => {
    const count = fc.nat({ max: 1_000 });
    const facts = fc.record({
      rpm: count,
      rpmLimit: count,
      rph: count,
      rphLimit: count,
      failureRate: fc.double({ min: 0, max: 1, noNaN: true }),
      consecutiveFails: count,
    });
    fc.assert(
      fc.property(facts, fc.constantFrom('rpm', 'rph', 'consecutiveFails'), (one, part) => {
        const score = riskScore(one);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1 + 1e-12);
        expect(riskScore({ ...one, [part]: one[part as 'rpm'] + 1 })).toBeGreaterThanOrEqual(score);
      }),
    );
  });
});
