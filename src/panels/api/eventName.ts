/** Event types as callers may write them: with or without the leading `kirogate.`. */
import { z } from 'zod';

export const eventName = z
  .string()
  .regex(/^[a-z][a-z.-]{0,99}$/, 'must be an event type')
  .transform((name) => (name.startsWith('kirogate.') ? name : `kirogate.${name}`));

/** A comma-separated list, at most 100 names. */
export const eventNames = z
  .string()
  .min(1)
  .max(10_000)
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(eventName).min(1).max(100))
  .meta({ type: 'string', description: 'Event types, comma-separated.' });
