/** What the end of an attempt means for its token, for its upstream and for other tokens that failed there. Design §7, "whose fault". */
import { coolingMs, riskCoolingMs, SUSPEND_AFTER } from './cooling.js';
import type { Pool } from './pool.js';
import type { AttemptOutcome, HealthChange, Settled } from './port.js';
import { countRowFailure, countShortage, countSuccess, type ProviderState } from './providers.js';
import { addResult } from './results.js';
import { changeHealth, type Now, type TokenState } from './token.js';

export interface EndedAttempt {
  readonly token: TokenState;
  readonly provider: string;
  /** The token's epoch at admission: a failure that began before the last change of health does not escalate. */
  readonly epoch: number;
  /** Monotonic. */
  readonly begunAt: number;
  /** Monotonic time of headers or failure; null: nothing came. */
  readonly respondedAt: number | null;
}

export interface Health {
  /** The upstream works. Tokens that failed while it did are told to the next settlement. */
  served(attempt: EndedAttempt, now: Now): void;
  ended(attempt: EndedAttempt, outcome: AttemptOutcome, hintMs: number | null, now: Now): HealthChange & { readonly counted: boolean };
  /** Changes of other tokens since the last call. */
  takeOthers(): Settled['others'];
}

export interface HealthDeps {
  readonly pool: Pool;
  readonly provider: (name: string) => ProviderState;
}

export function createHealth(deps: HealthDeps): Health {
  let others: (HealthChange & { tokenId: string })[] = [];
  const isPooled = (token: TokenState): boolean => token.facts !== null && token.facts.visibility !== 'external';

  const rowFailure = (attempt: EndedAttempt, counted: boolean, now: Now): void => {
    if (!isPooled(attempt.token)) return;
    const entry = { tokenId: attempt.token.id, epoch: attempt.epoch, at: now.mono, counted };
    countRowFailure(deps.provider(attempt.provider), entry, deps.pool.activeTokens(attempt.provider));
  };

  const served = (attempt: EndedAttempt, now: Now): void => {
    const active = deps.pool.activeTokens(attempt.provider);
    for (const entry of countSuccess(deps.provider(attempt.provider), attempt.token.id, attempt.respondedAt ?? now.mono, active)) {
      const token = deps.pool.get(entry.tokenId);
      if (token === undefined) continue;
      others.push({ tokenId: token.id, ...failed(token, entry.epoch, coolingMs, 'failures', now) });
      deps.pool.touch(token, now);
    }
  };

  return {
    served,
    takeOthers() {
      const told = others;
      others = [];
      return told;
    },
    ended(attempt, outcome, hintMs, now) {
      const { token, epoch } = attempt;
      switch (outcome) {
        case 'success':
          addResult(token.results, true, now.mono);
          if (epoch === token.epoch) recovered(token);
          break;
        case 'token_failure':
          rowFailure(attempt, true, now);
          return { ...failed(token, epoch, coolingMs, 'failures', now), counted: true };
        case 'risk':
          rowFailure(attempt, true, now);
          return { ...failed(token, epoch, (fails) => riskCoolingMs(fails, hintMs), 'risk', now), counted: true };
        case 'upstream_failure':
          rowFailure(attempt, false, now);
          break;
        case 'capacity':
          countShortage(deps.provider(attempt.provider), attempt.begunAt, hintMs, now.mono);
          break;
        case 'neutral':
          break;
      }
      return { cooled: null, suspend: false, consecutiveFails: token.fails, counted: false };
    },
  };
}

function recovered(token: TokenState): void {
  if (token.halfOpen) changeHealth(token, { fails: 0, cooldownUntil: 0, halfOpen: false });
  else token.fails = 0;
}

/** Counts one failure of the token's own and lets it rest by the table. A rest is never shortened. */
function failed(token: TokenState, epoch: number, restMs: (fails: number) => number, reason: 'failures' | 'risk', now: Now): HealthChange {
  addResult(token.results, false, now.mono);
  const escalates = epoch === token.epoch;
  if (escalates) token.fails += 1;
  const suspend = escalates && token.fails >= SUSPEND_AFTER;
  const rest = escalates || reason === 'risk' ? restMs(token.fails) : 0;
  const until = now.mono + rest;
  const longer = rest > 0 && until > token.cooldownUntil;
  if (longer) changeHealth(token, { cooldownUntil: until, halfOpen: true });
  const cooled = longer && !suspend ? { until: now.wall + rest, reason } : null;
  return { cooled, suspend, consecutiveFails: token.fails };
}
