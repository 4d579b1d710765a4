/** Event types as callers may write them: with or without the leading `kirogate.`. */
import { z } from 'zod';

export const eventName = z
  .string()
  .regex(/^[a-z][a-z.-]{0,99}$/, 'must be an event type')
  .transform((name) => (name.startsWith('kirogate.') ? name : `kirogate.${name}`));

/** A comma-separated list, at most 100 names. */
export const eventNames = z
  .string()
  .max(10_000)
  .transform((text) => text.split(',').map((name) => eventName.safeParse(name.trim())))
  .refine((names) => names.length <= 100 && names.every(({ success }) => success), 'must be event types, comma-separated, at most 100')
  .transform((names) => names.flatMap(({ data }) => data ?? []))
  .meta({ type: 'string', description: 'Event types, comma-separated.' });
