/** A client key ends for good; its hash is deleted in the same transaction. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { sql } from '../../infra/database/port.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { type KeyState, loadKey } from './state.js';

/** Revoking twice is fine. */
export const revokeKey = defineCommand({
  name: 'key.revoke',
  summary: 'Revoke an API key.',
  input: z.strictObject({ keyId: id }),
  load: (tx, input) => loadKey(tx, input.keyId),
  decide(key: KeyState | undefined, _input, context) {
    if (key === undefined) throw new AppError('not_found');
    requireOwner(context, key.userId);
    if (key.status === 'revoked') return { events: [], result: { changed: false } };
    const revoked = { userId: key.userId, name: key.name, prefix: key.prefix };
    return { events: [decided('kirogate.key.revoked', `key/${key.id}`, revoked)], result: { changed: true } };
  },
  async secrets(tx, input) {
    await tx.query(sql`delete from vault_keys where key_id = ${input.keyId}`);
  },
});
