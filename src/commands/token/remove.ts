/** A token leaves the pool; its secret is deleted in the same transaction. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { deleteCredential } from './credentials.js';
import { loadToken, type TokenState } from './state.js';

export const removeToken = defineCommand({
  name: 'token.remove',
  summary: 'Take a token out of the pool and delete its secret.',
  input: z.strictObject({ tokenId: id }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(token: TokenState | undefined, _input, context) {
    if (token === undefined) throw new AppError('not_found');
    requireOwner(context, token.ownerId);
    const { ownerId, visibility, provider, name } = token;
    return { events: [decided('kirogate.token.removed', `token/${token.id}`, { ownerId, visibility, provider, name })], result: {} };
  },
  secrets: (tx, input) => deleteCredential(tx, input.tokenId),
});
