/** The owner's wishes for a token: its name, its own cap a day, the models it may serve. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, kept, models, optionalText } from '../fields.js';
import { dailyCap } from './donate.js';
import { loadToken, type TokenState } from './state.js';

/** Absent: stays. null: no name, no cap, all models. */
export const changeTokenLimits = defineCommand({
  name: 'token.changeLimits',
  summary: 'Change the name, daily cap or models of a token.',
  input: z.strictObject({
    tokenId: id,
    name: optionalText(100).nullable().optional(),
    /** Requests per UTC day. */
    dailyCap: dailyCap.nullable().optional(),
    allowedModels: models.nullable().optional(),
  }),
  load: (tx, input) => loadToken(tx, input.tokenId),
  decide(token: TokenState | undefined, input, context) {
    if (token === undefined) throw new AppError('not_found');
    requireOwner(context, token.ownerId);
    const from = { name: token.name, dailyCap: token.dailyCap, allowedModels: token.allowedModels };
    const to = {
      name: kept(input.name === '' ? null : input.name, from.name),
      dailyCap: kept(input.dailyCap, from.dailyCap),
      allowedModels: kept(input.allowedModels, from.allowedModels),
    };
    const same = isDeepStrictEqual(from, to);
    return { events: same ? [] : [decided('kirogate.token.limits-changed', `token/${token.id}`, { from, to })], result: to };
  },
});
