/** A data migration stopped and was rolled back, whole. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count, freeText } from '../fields.js';

export const migrationFailed = defineEvent({
  type: 'kirogate.migration.failed',
  version: 1,
  origin: 'control',
  aggregate: 'migration',
  summary: 'This migration failed and was rolled back.',
  schema: z.object({ table: z.string().max(100).nullable(), reason: freeText(500), durationMs: count }),
  example: { table: 'tokens', reason: 'row 17: the secret cannot be decrypted with the given key', durationMs: 1_200 },
});
