/** A token is taken out of service for a reason that can end. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { type Decided, decided, defineCommand } from '../define.js';
import { id, optionalText, time } from '../fields.js';
import { existing, loadToken, type SuspensionReason, standing, type TokenState } from './state.js';

/** A reason that only an admin ends is never replaced by one that ends by itself or by a passed check. */
const weight: Readonly<Record<SuspensionReason, number>> = { credits: 0, failures: 1, upstream: 2, admin: 3 };

export interface Suspension {
  readonly reason: SuspensionReason;
  readonly until: number | null;
  readonly message: string | null;
}

/** The event that a suspension calls for, or none when the token is out of service as firmly already. */
export function suspension(token: TokenState, { reason, until, message }: Suspension): Decided[] {
  if (token.status === 'invalid') return [];
  if (token.status === 'suspended' && token.reason !== null) {
    const later = reason === 'credits' && token.reason === 'credits' && (until ?? 0) > (token.until ?? 0);
    if (weight[reason] <= weight[token.reason] && !later) return [];
  }
  return [decided('kirogate.token.suspended', `token/${token.id}`, { reason, until, message, previous: standing(token) })];
}

/**
 * `until` belongs to `credits`; without it the first of the next UTC month counts. `observedAt`: when the attempt
 * that shows the fault began; a fault older than the token's last change of state proves nothing and changes nothing.
 */
export const suspendToken = defineCommand({
  name: 'token.suspend',
  summary: 'Take a token out of service until somebody or something resumes it.',
  input: z.strictObject({
    tokenId: id,
    reason: z.enum(['failures', 'upstream', 'admin', 'credits']),
    until: time.nullable().optional(),
    message: optionalText(500).nullable().optional(),
    observedAt: time.optional(),
  }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(state: TokenState | undefined, input, context) {
    requireStaff(context);
    const token = existing(state);
    if (input.observedAt !== undefined && input.observedAt < token.statusAt) return { events: [], result: { changed: false } };
    const until = input.reason === 'credits' ? (input.until ?? nextMonth(context.now)) : null;
    const events = suspension(token, { reason: input.reason, until, message: input.message ?? null });
    return { events, result: { changed: events.length > 0 } };
  },
});

function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
