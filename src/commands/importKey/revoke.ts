/** A key for bulk donation ends for good. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { sql } from '../../infra/database/port.js';
import { requireStaff } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';
import { type ImportKeyState, loadImportKey } from './state.js';

/** Revoking twice is fine. */
export const revokeImportKey = defineCommand({
  name: 'importKey.revoke',
  summary: 'Revoke a key for bulk donation.',
  input: z.strictObject({ id }),
  load: (tx, input) => loadImportKey(tx, input.id),
  decide(key: ImportKeyState | undefined, input, context) {
    requireStaff(context);
    if (key === undefined) throw new AppError('not_found');
    if (key.status === 'revoked') return { events: [], result: { changed: false } };
    const revoked = decided('kirogate.import-key.revoked', `import-key/${input.id}`, { name: key.name, prefix: key.prefix });
    return { events: [revoked], result: { changed: true } };
  },
  async secrets(tx, input) {
    await tx.query(sql`delete from vault_import_keys where import_key_id = ${input.id}`);
  },
});
