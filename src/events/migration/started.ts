/** A data migration into this installation began. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { count } from '../fields.js';

export const migrationStarted = defineEvent({
  type: 'kirogate.migration.started',
  version: 1,
  origin: 'control',
  aggregate: 'migration',
  summary: 'This migration started.',
  schema: z.object({
    /** `upload` or `path` for a SQLite file. */
    origin: z.enum(['upload', 'path']),
    tables: count,
    rows: count,
  }),
  example: { origin: 'upload', tables: 9, rows: 120_000 },
});
