/** A token comes back into service. */
import { z } from 'zod';
import { requireStaff } from '../actor.js';
import { type Decided, decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { existing, loadToken, standing, type TokenState } from './state.js';

type Cause = 'admin' | 'check' | 'credits';

/** What a cause may end (spec R12): an admin everything, a passed check `failures`, returned credits `credits`. */
function ends(cause: Cause, token: TokenState): boolean {
  if (token.status === 'active') return false;
  if (cause === 'admin') return true;
  return token.status === 'suspended' && token.reason === (cause === 'check' ? 'failures' : 'credits');
}

/** The event that a resume calls for, or none when this cause ends nothing here. */
export function resumption(token: TokenState, cause: Cause): Decided[] {
  return ends(cause, token) ? [decided('kirogate.token.resumed', `token/${token.id}`, { cause, previous: standing(token) })] : [];
}

export const resumeToken = defineCommand({
  name: 'token.resume',
  summary: 'Put a token back into service.',
  input: z.strictObject({ tokenId: id, cause: z.enum(['admin', 'check', 'credits']).default('admin') }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(state: TokenState | undefined, input, context) {
    requireStaff(context);
    const events = resumption(existing(state), input.cause);
    return { events, result: { changed: events.length > 0 } };
  },
});
