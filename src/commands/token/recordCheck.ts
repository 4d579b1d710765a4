/** A health check has looked at a token. One that passes ends a suspension for failures; credits that are there end one for credits. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, optionalText, time } from '../fields.js';
import { resumption } from './resume.js';
import { loadToken, type TokenState } from './state.js';

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
    const creditsBack = found.creditsUsed !== null && found.creditsLimit !== null && found.creditsUsed < found.creditsLimit;
    const resumed = found.ok ? [...resumption(token, 'check'), ...(creditsBack ? resumption(token, 'credits') : [])] : [];
    return { events: [checked, ...resumed], result: { resumed: resumed.length > 0 } };
  },
});
