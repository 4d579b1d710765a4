/** A data migration is in, whole. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const migrationCompleted = defineEvent({
  type: 'kirogate.migration.completed',
  version: 1,
  origin: 'control',
  aggregate: 'migration',
  summary: 'This migration completed.',
  schema: z.object({ tables: count, rows: count, durationMs: count }),
  example: { tables: 9, rows: 120_000, durationMs: 42_000 },
});
