/** The upstream refuses a credential for good. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, optionalText, time } from '../fields.js';
import { existing, loadToken, standing, type TokenState } from './state.js';

/** `observedAt` as for `suspendToken`. */
export const invalidateToken = defineCommand({
  name: 'token.invalidate',
  summary: 'Mark the credential of a token as dead for good.',
  input: z.strictObject({ tokenId: id, message: optionalText(500), observedAt: time.optional() }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(state: TokenState | undefined, input, context) {
    requireStaff(context);
    const token = existing(state);
    const stale = input.observedAt !== undefined && input.observedAt < token.statusAt;
    if (token.status === 'invalid' || stale) return { events: [], result: { changed: false } };
    const invalidated = { message: input.message, previous: standing(token) };
    return { events: [decided('kirogate.token.invalidated', `token/${token.id}`, invalidated)], result: { changed: true } };
  },
});
