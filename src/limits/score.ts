/** What makes one usable token better than another: success 40, freshness 15, balance 15, risk safety 30. Spec R5. */
import { riskOfShares, share } from './risk.js';

/** A token that rested this long is fully fresh, in ms. */
export const FRESH_AFTER_MS = 3_600_000;

/**
 * Attempts that every token starts with as if they had succeeded. Without them a new token that failed
 * twice (0 of 2) would lose all 40 points and, in a pool with room, never be tried again.
 */
const TRUST = 4;

export interface ScoreFacts {
  readonly attempts: number;
  readonly failures: number;
  readonly consecutiveFails: number;
  /** ms since the last admission; null: never used. */
  readonly idleMs: number | null;
  readonly inFlight: number;
  readonly maxConcurrent: number;
  readonly rpm: number;
  readonly rpmLimit: number;
  readonly rph: number;
  readonly rphLimit: number;
  /** Below this rate, with 10 or more attempts, half of the success part is lost. */
  readonly minSuccessRate: number;
}

/** 0–1, higher is better. The order of operations is fixed: every adapter must come to the same bits. */
export function tokenScore(facts: ScoreFacts): number {
  const failureRate = facts.attempts === 0 ? 0 : facts.failures / facts.attempts;
  let success = (facts.attempts - facts.failures + TRUST) / (facts.attempts + TRUST);
  if (facts.attempts >= 10 && 1 - failureRate < facts.minSuccessRate) success /= 2;
  const freshness = facts.idleMs === null ? 1 : share(facts.idleMs, FRESH_AFTER_MS);
  // What runs now weighs as much as the whole hour: a burst must spread before its first answer is back.
  const hour = share(facts.rph, facts.rphLimit);
  const balance = 1 - (share(facts.inFlight, facts.maxConcurrent) + hour) / 2;
  const safety = 1 - riskOfShares(share(facts.rpm, facts.rpmLimit), hour, failureRate, facts.consecutiveFails);
  return 0.4 * success + 0.15 * freshness + 0.15 * balance + 0.3 * safety;
}
