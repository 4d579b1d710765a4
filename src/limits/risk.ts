/** How close a token is to trouble with its upstream: the one formula that the choice, the panels and the history share. */

export interface RiskFacts {
  /** Sends that count in the minute window. */
  readonly rpm: number;
  readonly rpmLimit: number;
  /** Sends that count in the hour window. */
  readonly rph: number;
  readonly rphLimit: number;
  /** Share of failures in the last 100 attempts within 24 h, 0–1. */
  readonly failureRate: number;
  readonly consecutiveFails: number;
}

/** Above this a token is at high risk, unless `TOKEN_RISK_THRESHOLD` says otherwise. */
export const HIGH_RISK = 0.7;

/** 0 (calm) to 1 (at every limit and failing): 0.3 · minute + 0.3 · hour + 0.2 · failure rate + 0.2 · failures in a row over 5. Spec R12. */
export function riskScore(facts: RiskFacts): number {
  return riskOfShares(share(facts.rpm, facts.rpmLimit), share(facts.rph, facts.rphLimit), facts.failureRate, facts.consecutiveFails);
}

/** The same, where the shares of both limits are known. */
export function riskOfShares(minute: number, hour: number, failureRate: number, consecutiveFails: number): number {
  return 0.3 * minute + 0.3 * hour + 0.2 * share(failureRate, 1) + 0.2 * share(consecutiveFails, 5);
}

/** `used / limit`, kept within 0–1: a limit that was lowered below the use must not push the score past its scale. */
export function share(used: number, limit: number): number {
  if (limit <= 0) return 1;
  return Math.min(1, Math.max(0, used / limit));
}
