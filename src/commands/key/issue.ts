/** A client key is made. It leaves this process once, in the answer; what stays is its SHA-256. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import type { Ids } from '../../shared/ids.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, models, requiredText, rpm, time } from '../fields.js';
import { loadUser, type UserState } from '../user/state.js';
import { requireFuture, requireRate } from './rules.js';
import { countActiveKeys, loadDefaultRpm } from './state.js';

/** Enough for every machine of one person; without a bound one member could fill the directory of every node. */
const MAX_ACTIVE_KEYS = 100;
const PREFIX_LENGTH = 11;

interface State {
  readonly user: UserState | undefined;
  readonly activeKeys: number;
  readonly defaultRpm: number;
}

/** `sk-` and 48 letters and digits: 248 bits. */
export function mintKey(ids: Ids): string {
  return `sk-${ids.short()}${ids.short()}${ids.short()}`;
}

export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

export const issueKey = defineCommand({
  name: 'key.issue',
  summary: 'Make an API key for a member; it is shown once.',
  input: z.strictObject({
    userId: id,
    name: requiredText(100),
    /** Requests per minute; null: the site's figure. */
    rpmLimit: rpm.nullable().default(null),
    /** null: all models. */
    allowedModels: models.nullable().default(null),
    /** ms since epoch; null: no end. */
    expiresAt: time.nullable().default(null),
  }),
  load: async (tx, input, context): Promise<State> => ({
    user: await loadUser(tx, input.userId),
    activeKeys: await countActiveKeys(tx, input.userId),
    defaultRpm: await loadDefaultRpm(tx, context),
  }),
  decide({ user, activeKeys, defaultRpm }, input, context) {
    requireOwner(context, input.userId);
    if (user === undefined) throw new AppError('not_found', { message: 'There is no such user.', param: 'userId' });
    requireRate(context, input.rpmLimit, defaultRpm);
    requireFuture(context, input.expiresAt);
    if (activeKeys >= MAX_ACTIVE_KEYS)
      throw new AppError('conflict', {
        message: `A user has at most ${MAX_ACTIVE_KEYS} keys; revoke one first.`,
        extra: { reason: 'too_many_keys' },
      });
    const key = mintKey(context.ids);
    const keyId = context.ids.short();
    const prefix = key.slice(0, PREFIX_LENGTH);
    return { events: [decided('kirogate.key.issued', `key/${keyId}`, { ...input, prefix })], result: { id: keyId, key, prefix } };
  },
  secrets: (tx, _input, { id: keyId, key }) => writeKeyHash(tx, keyId, hashKey(key)),
});

async function writeKeyHash(tx: Queryable, keyId: string, hash: string): Promise<void> {
  await tx.query(sql`insert into vault_keys (key_id, hash) values (${keyId}, ${hash})`);
}
