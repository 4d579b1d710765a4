/** Input fields that commands share. Bounds are those of contract §2 and of the event types. */
import { z } from 'zod';
import { visibleText } from '../shared/safeText.js';

export const id = z.string().min(1).max(100);

/** Cleaned and trimmed; at least one character must be left. */
export const requiredText = (max: number) =>
  z
    .string()
    .overwrite((text) => visibleText(text, max))
    .min(1)
    .max(max);

/** Cleaned and trimmed. */
export const optionalText = (max: number) =>
  z
    .string()
    .overwrite((text) => visibleText(text, max))
    .max(max);

/** The work of one batch command. */
export const ids = z.array(id).min(1).max(500);

export const quota = z.int().min(0).max(1_000_000_000);
export const rpm = z.int().min(1).max(100_000);

/** ms since epoch, up to the year 9999. */
export const time = z.int().min(0).max(253_402_300_799_999);

export const models = z.array(requiredText(200)).max(200);

/** What a caller says about a change of one field: null clears it, absent keeps it. */
export function kept<T>(value: T | undefined, before: T): T {
  return value === undefined ? before : value;
}
