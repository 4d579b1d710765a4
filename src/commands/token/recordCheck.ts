/**
 * A health check has looked at a token. One that passes ends a suspension for failures; credits that are there end one
 * for credits, and while they are out a reset other than the one known moves its end.
 */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { type Decided, decided, defineCommand } from '../define.js';
import { id, optionalText, time } from '../fields.js';
import { resumption } from './resume.js';
import { loadToken, standing, type TokenState } from './state.js';

const credits = z.number().nonnegative();

export const recordTokenCheck = defineCommand({
  name: 'token.recordCheck',
  summary: 'Record what a check of a token found.',
  input: z.strictObject({
    tokenId: id,
    ok: z.boolean(),
    /** FailureKind of the upstream; null: passed. */
    failure: z.string().max(50).nullable(),
    message: optionalText(500).nullable(),
    plan: optionalText(100).nullable(),
    creditsUsed: credits.nullable(),
    creditsLimit: credits.nullable(),
    /** ms since epoch */
    resetAt: time.nullable(),
    durationUs: z.int().nonnegative(),
  }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(token: TokenState | undefined, { tokenId, ...found }, context) {
    if (token === undefined) throw new AppError('not_found');
    requireOwner(context, token.ownerId);
    const checked = decided('kirogate.token.checked', `token/${tokenId}`, found);
    const left = found.ok && found.creditsUsed !== null && found.creditsLimit !== null ? found.creditsLimit - found.creditsUsed : null;
    const resumed = found.ok ? [...resumption(token, 'check'), ...(left !== null && left > 0 ? resumption(token, 'credits') : [])] : [];
    const moved = left !== null && left <= 0 ? reparking(token, found.resetAt, context.now) : [];
    return { events: [checked, ...resumed, ...moved], result: { resumed: resumed.length > 0 } };
  },
});

/** The refusal of a request does not say when credits come back. A reset in the past says nothing of that either. */
function reparking(token: TokenState, resetAt: number | null, now: number): Decided[] {
  const isParked = token.status === 'suspended' && token.reason === 'credits';
  if (!isParked || resetAt === null || resetAt <= now || resetAt === token.until) return [];
  const message = 'No credits are left until the next reset.';
  return [
    decided('kirogate.token.suspended', `token/${token.id}`, { reason: 'credits', until: resetAt, message, previous: standing(token) }),
  ];
}
