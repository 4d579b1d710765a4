/** A token moves between the public pool and its owner. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { loadToken, type TokenState } from './state.js';

export const changeTokenVisibility = defineCommand({
  name: 'token.changeVisibility',
  summary: 'Give a token to everybody, or to its owner alone.',
  input: z.strictObject({ tokenId: id, visibility: z.enum(['public', 'private']) }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(token: TokenState | undefined, { visibility }, context) {
    if (token === undefined) throw new AppError('not_found');
    requireOwner(context, token.ownerId);
    if (visibility === token.visibility) return { events: [], result: { changed: false } };
    if (visibility === 'private' && token.ownerId === null) {
      throw new AppError('invalid_request', {
        message: 'A private token needs an owner.',
        param: 'visibility',
        extra: { reason: 'owner_needed' },
      });
    }
    const changed = { from: token.visibility, to: visibility };
    return { events: [decided('kirogate.token.visibility-changed', `token/${token.id}`, changed)], result: { changed: true } };
  },
});
