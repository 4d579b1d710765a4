/** How long a token rests after failures, and how far an upstream's own hint is believed. Spec R12. */

const MINUTE = 60_000;

/** Failures in a row after which the suspend command is due. */
export const SUSPEND_AFTER = 5;
/** Account risk control: never less than this. */
export const RISK_COOLING_MS = 30 * MINUTE;
/** An upstream's hint for a risk rest is believed up to here; then one request probes. Peers held tokens for days on a hint. */
export const RISK_HINT_CAP_MS = 4 * 60 * MINUTE;
/** Shared back-off of a provider that is out of capacity: first rest, longest rest. */
export const CAPACITY_FIRST_MS = 1_000;
export const CAPACITY_LONGEST_MS = 30_000;

/** ms of rest after so many failures in a row: 2 → 5 minutes, 3 and more → 30 minutes. */
export function coolingMs(consecutiveFails: number): number {
  if (consecutiveFails < 2) return 0;
  return consecutiveFails === 2 ? 5 * MINUTE : 30 * MINUTE;
}

/** Rest after a risk answer. `hintMs`: what the upstream asked for, or null. */
export function riskCoolingMs(consecutiveFails: number, hintMs: number | null): number {
  return Math.max(coolingMs(consecutiveFails), RISK_COOLING_MS, Math.min(hintMs ?? 0, RISK_HINT_CAP_MS));
}

/** Rest of a provider after its `streak`-th capacity answer in a row (from 1): doubling, a hint wins within the bounds. */
export function capacityBackOffMs(streak: number, hintMs: number | null): number {
  const own = Math.min(CAPACITY_LONGEST_MS, CAPACITY_FIRST_MS * 2 ** Math.min(streak - 1, 10));
  return hintMs === null ? own : Math.min(CAPACITY_LONGEST_MS, Math.max(own, hintMs));
}
