/** A key for bulk donation by script is made. It leaves this process once; what stays is its SHA-256. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { sql } from '../../infra/database/port.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id, requiredText } from '../fields.js';
import { hashKey } from '../key/issue.js';
import { loadUser } from '../user/state.js';

const PREFIX_LENGTH = 11;

export const issueImportKey = defineCommand({
  name: 'importKey.issue',
  summary: 'Make a key for bulk donation; it is shown once.',
  /** `userId`: whose tokens it donates; null: the site. */
  input: z.strictObject({ name: requiredText(100), userId: id.nullable().default(null) }),
  load: async (tx, input) => ({ ownerKnown: input.userId === null || (await loadUser(tx, input.userId)) !== undefined }),
  decide({ ownerKnown }, input, context) {
    requireStaff(context);
    if (!ownerKnown) throw new AppError('not_found', { message: 'There is no such user.', param: 'userId' });
    const key = `ik-${context.ids.short()}${context.ids.short()}${context.ids.short()}`;
    const keyId = context.ids.short();
    const prefix = key.slice(0, PREFIX_LENGTH);
    return {
      events: [decided('kirogate.import-key.issued', `import-key/${keyId}`, { ...input, prefix })],
      result: { id: keyId, key, prefix },
    };
  },
  async secrets(tx, _input, result) {
    await tx.query(sql`insert into vault_import_keys (import_key_id, hash) values (${result.id}, ${hashKey(result.key)})`);
  },
});
