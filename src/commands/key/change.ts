/** The name or limits of a client key change; the key itself stays. */

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, kept, models, requiredText, rpm, time } from '../fields.js';
import { requireFuture, requireRate } from './rules.js';
import { type KeySettings, type KeyState, loadDefaultRpm, loadKey } from './state.js';

interface State {
  readonly key: KeyState | undefined;
  readonly defaultRpm: number;
}

/** Absent: stays. null: the site's rate, all models, no end. */
export const changeKey = defineCommand({
  name: 'key.change',
  summary: 'Change the name or limits of an API key.',
  input: z.strictObject({
    keyId: id,
    name: requiredText(100).optional(),
    rpmLimit: rpm.nullable().optional(),
    allowedModels: models.nullable().optional(),
    expiresAt: time.nullable().optional(),
  }),
  load: async (tx, input, context): Promise<State> => ({
    key: await loadKey(tx, input.keyId),
    defaultRpm: await loadDefaultRpm(tx, context),
  }),
  decide({ key, defaultRpm }, input, context) {
    if (key === undefined || key.status === 'revoked') throw new AppError('not_found');
    requireOwner(context, key.userId);
    const from: KeySettings = { name: key.name, rpmLimit: key.rpmLimit, allowedModels: key.allowedModels, expiresAt: key.expiresAt };
    const to: KeySettings = {
      name: kept(input.name, from.name),
      rpmLimit: kept(input.rpmLimit, from.rpmLimit),
      allowedModels: kept(input.allowedModels, from.allowedModels),
      expiresAt: kept(input.expiresAt, from.expiresAt),
    };
    requireRate(context, to.rpmLimit, Math.max(defaultRpm, from.rpmLimit ?? 0));
    if (to.expiresAt !== from.expiresAt) requireFuture(context, to.expiresAt);
    const same = isDeepStrictEqual(from, to);
    return { events: same ? [] : [decided('kirogate.key.changed', `key/${key.id}`, { userId: key.userId, from, to })], result: to };
  },
});
