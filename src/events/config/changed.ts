/** Stored settings changed. A stored value wins over the environment; null hands the setting back to it. */
import { z } from 'zod';
import { defineEvent } from '../define.js';

const settingValue = z.union([z.number(), z.boolean()]);

export const configChanged = defineEvent({
  type: 'kirogate.config.changed',
  version: 1,
  origin: 'control',
  aggregate: 'config',
  summary: 'Settings were changed.',
  schema: z.object({
    changes: z
      .array(
        z.object({
          /** Name as in contract §5, for example `token_rpm_limit`. */
          setting: z.string().max(100),
          /** Stored values; null: nothing stored. */
          from: settingValue.nullable(),
          to: settingValue.nullable(),
        }),
      )
      .min(1)
      .max(100),
  }),
  example: { changes: [{ setting: 'token_rpm_limit', from: null, to: 20 }] },
});
