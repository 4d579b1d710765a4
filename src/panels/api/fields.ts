/** Schemas that many rows share: ids, paging, times, and what a list answers. */
import { z } from 'zod';
import { visibleText } from '../../shared/safeText.js';

export const id = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'is not an id');

/** Ids of a batch: at most 50,000, each once. */
export const ids = z
  .array(id)
  .min(1)
  .max(50_000)
  .transform((list) => [...new Set(list)]);

/** Cleaned and trimmed as commands do it, but refused where it is too long: nobody's words are cut behind their back. */
export const optionalText = (max: number) =>
  z
    .string()
    .max(max)
    .overwrite((text) => visibleText(text, max));

/** The same, and at least one character must be left. */
export const requiredText = (max: number) => optionalText(max).min(1);

export const models = z.array(requiredText(200)).max(200);

export const noFields = z.strictObject({});

/** `?limit=`, 1–500, default 50. */
export const limit = z
  .string()
  .regex(/^\d{1,3}$/, 'must be a whole number from 1 to 500')
  .transform(Number)
  .refine((value) => value >= 1 && value <= 500, 'must be a whole number from 1 to 500')
  .default(50)
  .meta({ type: 'integer', minimum: 1, maximum: 500, default: 50 });

export const cursor = z.string().min(1).max(2_000).optional();

/** Free text of a search or an exact filter. */
export const filterText = z.string().min(1).max(300).optional();

/** `true` or `false` in a query. */
export const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .meta({ type: 'boolean' });

export const paging = { limit, cursor };

/** A time in a query: ISO 8601, UTC where it names no offset; to ms since epoch. */
export const queryTime = z
  .union([z.iso.datetime({ offset: true }), z.iso.datetime({ local: true }), z.iso.date()], 'must be an ISO 8601 time')
  .transform((text) => Date.parse(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) || text.length === 10 ? text : `${text}Z`))
  .meta({ type: 'string', format: 'date-time' });

/** A time in a body, offset named; to ms since epoch. */
export const bodyTime = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .meta({ type: 'string', format: 'date-time' });

/** A time in an answer: ISO 8601 UTC. */
export const time = z.iso.datetime();
export const maybeTime = time.nullable();

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null | undefined): string | null => (ms === null || ms === undefined ? null : iso(ms));

export function listOf<S extends z.ZodType>(item: S): z.ZodObject<{ items: z.ZodArray<S>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
}
